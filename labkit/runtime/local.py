"""The local runtime: processes on this machine (Linux and macOS)."""

from __future__ import annotations

import os
import platform
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from time import sleep

import psutil

from labkit.model import ServerConfig
from labkit.model.errors import MachineError
from labkit.runtime.channel import STDERR, STDOUT
from labkit.runtime.client import Client
from labkit.runtime.orphans import remove_dead_harnesses
from labkit.runtime.server import Server, server_environment
from labkit.setup import pythons as interpreters
from labkit.setup.pythons import Installed, PythonVenv
from labkit.system.checkout import ROOT

# In this time 10,000 lines per second do not fill a pipe of 64 KiB.
PAUSE_S = 0.02


class LocalRuntime:
    """Server and clients are child processes that end when their standard input does, so none outlives the lab."""

    name = "local"
    shares_files = True

    def __init__(self, note: Callable[[str], None]) -> None:
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
        self.interpreters: dict[str, Installed] = {}
        self._note = note
        self._venvs: dict[str, PythonVenv] = {}
        self._channels: list[ProcessChannel] = []
        self._server: Server | None = None

    def prepare(self, approaches: Sequence[str], pythons: Sequence[str | None] = ()) -> None:  # noqa: ARG002
        """Make an environment for each other interpreter; the lab's own `.venv` needs nothing more."""
        self._venvs = {name: PythonVenv(interpreters.find(name)) for name in pythons if name is not None}
        for name, venv in self._venvs.items():
            venv.prepare(self._note)
            self.interpreters[name] = venv.installed

    def server(self, config: ServerConfig, port: int | None = None) -> Server:
        if self._server is not None:
            if self._server.config == config and not self._server.has_ended():
                return self._server
            self._server.stop()
        gunicorn = ["gunicorn", "-c", "server/gunicorn.conf.py"]
        self._server = Server(config, self._guarded(gunicorn, server_environment(config, f"127.0.0.1:{port or 0}")))
        return self._server

    def client(self, approach: str, python: str | None = None) -> Client:
        executable = sys.executable if python is None else str(self._venvs[python].python)
        channel = self._channel([executable, "-m", "clients.harness", approach, "--held"], {})
        return Client(approach, channel, None if python is None else lambda: self.interpreters[python])

    def script(self) -> Client:
        return self.client("script")

    def locust_page(self, server: Server, port: int, processes: int) -> ProcessChannel:
        locust = ["locust", "-f", "loadtest/locustfile.py", "--host", server.url]
        locust += ["--web-host", "127.0.0.1", "--web-port", str(port)]
        return self._guarded([*locust, *(_several(processes) if processes > 1 else [])])

    def close(self) -> None:
        for channel in self._channels:
            channel.close_input()
        for channel in self._channels:
            if channel.wait(2.0) is None:
                channel.kill()
                channel.wait(2.0)

    def _guarded(self, module: Sequence[str], environment: Mapping[str, str] | None = None) -> ProcessChannel:
        command = [sys.executable, "-m", "labkit.runtime.guard", sys.executable, "-m", *module]
        return self._channel(command, environment or {})

    def _channel(self, command: Sequence[str], environment: Mapping[str, str]) -> ProcessChannel:
        self._channels = [each for each in self._channels if not each.ended]
        channel = ProcessChannel(command, environment)
        self._channels.append(channel)
        return channel


def _several(processes: int) -> list[str]:
    """Locust's options for several processes; its master talks to its workers on a free port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    bind = ["--master-bind-host", "127.0.0.1", "--master-bind-port", port]
    return ["--processes", str(processes), *bind, "--master-host", "127.0.0.1", "--master-port", port]


class ProcessChannel:
    """A child process in a session of its own: a Ctrl-C at the terminal reaches only the lab."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._command = command
        self._environment = environment
        self._started: subprocess.Popen[bytes] | None = None
        self._pause_s = 0.0

    def start(self) -> None:
        try:
            self._started = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env={**os.environ, **self._environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
            )
        except OSError as error:
            hint = "Close other programs, or raise the limits that `ulimit -a` shows."
            raise MachineError(f"a process cannot be started: {error.strerror}", hint) from error

    @property
    def ended(self) -> bool:
        """True if it was started and has ended."""
        return self._started is not None and self._started.poll() is not None

    @property
    def _process(self) -> subprocess.Popen[bytes]:
        assert self._started is not None, "it has not been started"
        return self._started

    def send(self, data: bytes) -> None:
        assert self._process.stdin is not None
        view = memoryview(data)
        while view:  # unbuffered: a write may be partial
            view = view[self._process.stdin.write(view) :]

    def chunks(self) -> Iterator[tuple[int, bytes]]:
        with selectors.DefaultSelector() as selector:
            for stream, number in ((self._process.stdout, STDOUT), (self._process.stderr, STDERR)):
                assert stream is not None
                selector.register(stream, selectors.EVENT_READ, number)
            while selector.get_map():
                ready = selector.select()
                sleep(self._pause_s)
                for key, _ in ready:
                    if chunk := os.read(key.fd, 1 << 16):
                        yield key.data, chunk
                    else:
                        selector.unregister(key.fileobj)
                        key.fileobj.close()  # type: ignore[union-attr]

    def expect_long_output(self) -> None:
        self._pause_s = PAUSE_S  # waking up for each line would cost more than the line

    def close_input(self) -> None:
        if self._started is not None and self._started.stdin is not None:
            with suppress(OSError):
                self._started.stdin.close()

    def kill(self) -> None:
        # At the end of their input, the harness and the guard end their children; after SIGKILL they could not.
        self.close_input()
        if self.wait(2.0) is None:
            self._process.kill()
            self._process.wait()
        if self._process.returncode == -signal.SIGKILL:
            remove_dead_harnesses()

    def wait(self, timeout_s: float) -> int | None:
        if self._started is None:
            return 0
        try:
            return self._started.wait(timeout_s) if timeout_s > 0 else self._started.poll()
        except subprocess.TimeoutExpired:
            return None

    def cpu_s(self) -> float | None:
        try:
            root = psutil.Process(self._process.pid)
            return sum(sum(process.cpu_times()[:4]) for process in [root, *root.children(recursive=True)])
        except psutil.Error:
            return None
