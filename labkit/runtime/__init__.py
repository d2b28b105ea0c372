"""Runtimes: where trials run. A runtime is small, because one protocol serves them all: start, send, read, stop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from labkit.model import ServerConfig
from labkit.runtime.channel import Channel
from labkit.runtime.client import Client
from labkit.runtime.server import Server
from labkit.setup.pythons import Installed


class Runtime(Protocol):
    """Starts servers and clients for one comparison and removes, on `close`, all that it started and nothing else."""

    name: str
    docker: str | None
    compose: str | None
    cpus: int
    memory_bytes: int | None
    kernel: str
    images: dict[str, str]
    sees_our_files: bool
    interpreters: dict[str, Installed]
    """What each of the `pythons` that were prepared has, as far as that is known yet; the lab's own is none of them."""

    def prepare(self, approaches: Sequence[str], pythons: Sequence[str | None] = ()) -> None:
        """Have everything ready that can be, before anything is timed, for clients on each of `pythons`.

        None is the lab's own, and what there is if none is named. Raises `MachineError`, and `UsageError` for what
        cannot be such an interpreter.
        """

    def server(self, config: ServerConfig, port: int | None = None) -> Server:
        """The slow server in this configuration, to be started; one that runs already is used again.

        With `port` it listens there, on the 127.0.0.1 of what runs beside it.
        """

    def client(self, approach: str, python: str | None = None) -> Client:
        """A fresh client, to be started, on one of the `pythons` that were prepared."""

    def script(self) -> Client:
        """A client that runs scripts beside the server that has just been started."""

    def page(self, server: Server, port: int, processes: int) -> Channel:
        """Locust's own page over `server`, to be started, on 127.0.0.1:`port` with so many processes that make load."""

    def close(self) -> None:
        """Remove all that this comparison started. May be called at any moment, and more than once."""
