"""The real harness as a process, driven as lab.py drives it, and checked for leftovers."""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread, Timer
from typing import Any, Self
from uuid import uuid4

import psutil

from clients.harness import catalogue, protocol
from labkit.system.checkout import ROOT

MARK = "LAB_TEST_MARK"  # in the environment of a harness, and thus of all that it starts
PATIENCE_S = 30  # a test fails when an event takes longer


@dataclass(frozen=True, slots=True)
class Output:
    """The complete output of a harness, and its exit code."""

    out: bytes
    errors: str
    code: int

    @property
    def messages(self) -> list[protocol.Message]:
        """Its standard output; every line must be a message of the protocol."""
        return [protocol.from_line(line) for line in self.out.splitlines(keepends=True)]

    def all(self, kind: type[Any]) -> list[Any]:
        return [message for message in self.messages if isinstance(message, kind)]

    @property
    def done(self) -> protocol.Done:
        """The one message that ends a trial."""
        (done,) = self.all(protocol.Done)
        assert self.messages[-1] == done
        return done

    @property
    def rows(self) -> list[protocol.Request]:
        """The requests; each has begun once and ended once."""
        rows = self.all(protocol.Request)
        assert sorted(row.key for row in rows) == sorted(begin.key for begin in self.all(protocol.Begin))
        return rows


@dataclass
class Harness:
    """A running harness. Leaving the context ends it, and fails if it leaves a process or a file."""

    root: Path
    arguments: tuple[str, ...]
    mark: str = field(default_factory=lambda: uuid4().hex)

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="lab-"))  # short: sockets in it have names of a hundred bytes
        self._errors = tempfile.NamedTemporaryFile()
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LAB_"))}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "clients.harness", *self.arguments],
            cwd=self.root,
            env={**environment, MARK: self.mark, "TMPDIR": str(self.folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.stdin, self.stdout = self.process.stdin, self.process.stdout
        self._watchdog = Timer(PATIENCE_S, self.process.kill)
        self._watchdog.start()
        return self

    def __exit__(self, failed: object, *_: object) -> None:
        self.close_input()
        if not failed:
            wait_until(lambda: self.process.poll() is not None)
            wait_until(lambda: not self.left(), patience_s=5)
        left = self.left()
        names = [process.name() for process in left]
        for process in left:
            with suppress(psutil.Error):
                process.kill()
        self.process.wait()
        self._watchdog.cancel()
        self.stdout.close()
        self._errors.close()
        files = list(self.folder.iterdir())
        shutil.rmtree(self.folder)
        if not failed:
            assert names == [], "processes were left behind"
            assert files == [], "files were left behind"

    def next(self) -> protocol.Message:
        """Its next message."""
        return protocol.from_line(self.stdout.readline())

    def send(self, trial: protocol.Trial) -> None:
        self.stdin.write(protocol.to_line(trial))
        self.stdin.flush()

    def rest(self) -> Output:
        """All further output; closes its input after the message `done`, and waits for its end."""
        lines = []
        for line in self.stdout:
            lines.append(line)
            if b'"event": "done"' in line[:40]:
                break
        self.close_input()
        lines += self.stdout
        code = self.process.wait()
        assert self._watchdog.is_alive(), "the harness did not end"
        return Output(b"".join(lines), self.errors(), code)

    def close_input(self) -> None:
        """End its input."""
        with suppress(BrokenPipeError):
            self.stdin.close()

    def errors(self) -> str:
        """Everything written to standard error so far."""
        return Path(self._errors.name).read_bytes().decode("utf-8", "replace")

    def interrupt(self, how: str) -> None:
        """End it by the signal of that name or by closing its input; it must end promptly."""
        if how == "end of input":
            self.close_input()
        else:
            self.process.send_signal(signal.Signals[how])
        assert wait_until(lambda: self.process.poll() is not None, patience_s=8), f"{how} did not end it"

    def left(self) -> list[psutil.Process]:
        """Its processes that still run, and all that they have started, in any session or group."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found


def wait_until(holds: Callable[[], object], patience_s: float = PATIENCE_S) -> bool:
    """Wait until `holds()` is true; returns False if it never is."""
    deadline = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@contextmanager
def answering(answer: Callable[[socket.socket, bytes], None]) -> Iterator[str]:
    """A server that passes each connection and the request's id to `answer`; yields its address."""

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            request = self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            if request:
                answer(self.connection, request.split()[1].rpartition(b"/")[2])

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@dataclass(frozen=True, slots=True)
class SlowServer:
    """The lab's server, which logs to a file."""

    url: str
    log: Path

    def events(self, **wanted: object) -> list[dict[str, Any]]:
        """The complete lines of its log in which these fields have these values."""
        lines = self.log.read_text("utf-8").split("\n")[:-1]
        return [event for line in lines if (event := json.loads(line)).items() >= wanted.items()]

    def requests(self, trial: str, number: int) -> list[dict[str, Any]]:
        """The logged requests of a trial, as soon as there are `number` of them."""
        wait_until(lambda: len(self.events(trial=trial)) >= number)
        return self.events(trial=trial)


@contextmanager
def slow_server(log: Path, workers: int, delay_s: float) -> Iterator[SlowServer]:
    """The lab's server as the lab starts it, on any free port of 127.0.0.1."""
    settings = {"BIND": "127.0.0.1:0", "WORKERS": str(workers), "DELAY_S": str(delay_s)}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-c", "server/gunicorn.conf.py"],
            cwd=ROOT,
            env=os.environ | {f"SERVER_{name}": value for name, value in settings.items()},
            stdout=out,
            stderr=subprocess.DEVNULL,
        )
    try:
        server = SlowServer("", log)
        assert wait_until(lambda: len(server.events(event="worker")) == workers)
        (listening,) = server.events(event="listening")
        yield SlowServer(f"http://{listening['address']}", log)
    finally:
        process.terminate()
        process.wait()


@dataclass
class Lab:
    """A copy of clients/ for approaches of a test, and optionally a slow server."""

    root: Path
    server: SlowServer | None = None
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @classmethod
    def copy_to(cls, root: Path, server: SlowServer | None = None) -> Lab:
        shutil.copytree(catalogue.FOLDER, root / "clients", ignore=shutil.ignore_patterns("__pycache__"))
        return cls(root, server)

    def add(self, *source: str) -> str:
        """Add an approach made of these parts; returns its name."""
        name = f"mine_{next(self.numbers)}"
        (self.root / "clients" / f"{name}.py").write_text("".join(source), "utf-8")
        return name

    def harness(self, *arguments: str) -> Harness:
        return Harness(self.root, arguments)

    def trial(
        self, requests: int = 3, limit: int = 3, url: str = "", trial_timeout_s: float = 60, **settings: Any
    ) -> protocol.Trial:
        key = f"t{next(self.numbers)}"
        urls = (f"{url or self.server.url}/{key}/{number}" for number in range(1, requests + 1))
        return protocol.Trial(tuple(urls), limit, **{"timeout_s": None, "trial_timeout_s": trial_timeout_s} | settings)

    def run(self, name: str, trial: protocol.Trial | None = None, **load: Any) -> Output:
        """Run one trial to its end, as lab.py does."""
        with self.harness(name, "--protocol") as harness:
            ready = harness.next()
            assert isinstance(ready, protocol.Ready), ready
            assert ready.approach == name
            assert ready.python == platform.python_version()
            assert ready.gil == getattr(sys, "_is_gil_enabled", lambda: True)()
            assert ready.cold_start_s > 0
            harness.send(trial or self.trial(**load))
            return harness.rest()

    def unavailable(self, name: str) -> protocol.Unavailable:
        """The message of the harness for an approach that cannot run."""
        with self.harness(name, "--protocol") as harness:
            output = harness.rest()
        (message,) = output.messages
        assert isinstance(message, protocol.Unavailable)
        assert (message.approach, output.code) == (name, 3)
        return message


def sends(answer: bytes) -> Callable[[socket.socket, bytes], None]:
    """Make a server's reaction: send this answer, with the request's id in place of %, and close."""
    return lambda connection, number: connection.sendall(answer.replace(b"%", number))


def resets(connection: socket.socket, _number: bytes) -> None:
    """React as a server that sends no answer and closes with an RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def hangs(connection: socket.socket, _number: bytes) -> None:
    """React as a server that sends nothing more, until the client leaves."""
    with suppress(ConnectionResetError):
        connection.recv(1)
