"""The local runtime: processes on this machine (Linux and macOS)."""

from __future__ import annotations

import os
import platform
import selectors
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from labkit.errors import MachineError
from labkit.model import ServerConfig
from labkit.runtime.channel import STDERR, STDOUT
from labkit.runtime.client import Client
from labkit.runtime.server import Server

ROOT = Path(__file__).resolve().parents[2]


class LocalRuntime:
    """Server and clients are child processes, each of which ends when its standard input does: none outlives us."""

    name = "local"

    def __init__(self) -> None:
        if os.name != "posix":
            raise MachineError(
                "the local runtime needs Linux or macOS: gunicorn does not run on Windows",
                "Start Docker Desktop and use --runtime docker, or run the lab inside WSL.",
            )
        self.docker: str | None = None
        self.compose: str | None = None
        self.cpus = os.cpu_count() or 1
        self.memory_bytes: int | None = psutil.virtual_memory().total
        self.kernel = platform.platform()
        self.images: dict[str, str] = {}
        self._channels: list[ProcessChannel] = []
        self._server: Server | None = None

    def prepare(self, approaches: Sequence[str]) -> None:
        """Nothing to prepare: the environment that runs this holds all that is needed."""

    def server(self, config: ServerConfig) -> Server:
        if self._server is not None and self._server.config == config and self._server.alive:
            return self._server
        if self._server is not None:
            self._server.stop()
        gunicorn = [sys.executable, "-m", "gunicorn", "-c", "server/gunicorn.conf.py"]
        channel = self._start([sys.executable, "-m", "labkit.runtime.guard", *gunicorn], server_environment(config))
        self._server = Server(config, channel, cpu_s=channel.cpu_s)
        return self._server

    def client(self, approach: str) -> Client:
        channel = self._start([sys.executable, "-m", "clients.harness", approach, "--held"], {})
        return Client(approach, channel)

    def close(self) -> None:
        for channel in self._channels:
            channel.close_input()
        for channel in self._channels:
            if channel.wait(2.0) is None:
                channel.kill()
                channel.wait(2.0)

    def _start(self, command: Sequence[str], environment: Mapping[str, str]) -> ProcessChannel:
        self._channels = [channel for channel in self._channels if channel.wait(0) is None]
        channel = ProcessChannel(command, environment)
        self._channels.append(channel)
        return channel


def server_environment(config: ServerConfig, bind: str = "127.0.0.1:0") -> dict[str, str]:
    """The SERVER_* variables that server/settings.py reads."""
    return {
        "SERVER_BIND": bind,
        "SERVER_WORKERS": str(config.workers),
        "SERVER_WORKER_CLASS": config.worker_class,
        "SERVER_THREADS": str(config.worker_threads),
        "SERVER_DELAY_S": repr(config.delay_s),
    }


class ProcessChannel:
    """A child process in a session of its own, so that a Ctrl-C at the terminal reaches the lab alone."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )

    def send(self, data: bytes) -> None:
        assert self._process.stdin is not None
        view = memoryview(data)
        while view:  # unbuffered, so a write may take a part only
            view = view[self._process.stdin.write(view) :]

    def chunks(self) -> Iterator[tuple[int, bytes]]:
        with selectors.DefaultSelector() as selector:
            for stream, number in ((self._process.stdout, STDOUT), (self._process.stderr, STDERR)):
                assert stream is not None
                selector.register(stream, selectors.EVENT_READ, number)
            while selector.get_map():
                for key, _ in selector.select():
                    if chunk := os.read(key.fd, 1 << 16):
                        yield key.data, chunk
                    else:
                        selector.unregister(key.fileobj)

    def close_input(self) -> None:
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()

    def kill(self) -> None:
        # Its input's end has the harness and the guard end all that they started; SIGKILL would leave that behind.
        self.close_input()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(2.0)
            return
        self._process.kill()

    def wait(self, timeout_s: float) -> int | None:
        try:
            return self._process.wait(timeout_s) if timeout_s > 0 else self._process.poll()
        except subprocess.TimeoutExpired:
            return None

    def cpu_s(self) -> float | None:
        """Processor seconds of the process and all its descendants, those that have ended included."""
        try:
            root = psutil.Process(self._process.pid)
            return sum(sum(process.cpu_times()[:4]) for process in [root, *root.children(recursive=True)])
        except psutil.Error:
            return None
