"""Runtimes: where trials run. One protocol serves them all: start, send, read, stop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from labkit.model import ServerConfig
from labkit.runtime.channel import Channel
from labkit.runtime.client import Client
from labkit.runtime.server import Server
from labkit.setup.pythons import Installed


class Runtime(Protocol):
    """Starts servers and clients for one comparison; `close` removes everything that it started, and nothing else."""

    name: str
    docker: str | None
    compose: str | None
    cpus: int
    memory_bytes: int | None
    kernel: str
    images: dict[str, str]
    shares_files: bool
    """True if clients can read this machine's files."""
    interpreters: dict[str, Installed]
    """The packages of each prepared interpreter other than the lab's own, which may be known only later."""

    def prepare(self, approaches: Sequence[str], pythons: Sequence[str | None] = ()) -> None:
        """Prepare clients on each of `pythons`, before anything is timed. None is the lab's own interpreter.

        Raises `MachineError`, and `UsageError` for an unsuitable interpreter.
        """

    def server(self, config: ServerConfig, port: int | None = None) -> Server:
        """The slow server in this configuration, to be started; a running one is used again.

        With `port` it listens on that port of 127.0.0.1, as its clients see it.
        """

    def client(self, approach: str, python: str | None = None) -> Client:
        """A new client, to be started, on one of the prepared `pythons`."""

    def script(self) -> Client:
        """A client that runs scripts beside the started server."""

    def locust_page(self, server: Server, port: int, processes: int) -> Channel:
        """Locust's web page for `server`, to be started, on 127.0.0.1:`port`, with `processes` load generators."""

    def close(self) -> None:
        """Remove everything that this comparison started. May be called at any moment, and more than once."""
