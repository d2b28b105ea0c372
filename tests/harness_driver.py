"""Drives the real harness as a process, as lab.py does, and sees what it leaves behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread, Timer
from typing import Any, Self
from uuid import uuid4

import psutil

from clients.harness import protocol

MARK = "LAB_TEST_MARK"  # in the environment of a harness, and so of all that it starts
PATIENCE_S = 30  # how long a test waits for what must happen before it fails


@dataclass(frozen=True, slots=True)
class Told:
    """All that a harness said on standard output, in order, and how it ended."""

    messages: tuple[protocol.Message, ...]
    code: int
    errors: str

    def all(self, kind: type[Any]) -> list[Any]:
        return [message for message in self.messages if isinstance(message, kind)]

    @property
    def done(self) -> protocol.Done:
        """Its last word, of which there is one."""
        (done,) = self.all(protocol.Done)
        assert self.messages[-1] is done
        return done

    @property
    def rows(self) -> list[protocol.Request]:
        """The requests, each of which began once and ended once."""
        rows = self.all(protocol.Request)
        assert sorted(row.key for row in rows) == sorted(begin.key for begin in self.all(protocol.Begin))
        return rows


@dataclass
class Harness:
    """A running harness. Leaving the context fails if it, or what it started, is still there."""

    root: Path
    folder: Path
    arguments: tuple[str, ...]
    mark: str = field(default_factory=lambda: uuid4().hex)

    def __enter__(self) -> Self:
        self.folder.mkdir()
        self._errors = (self.folder.parent / f"{self.folder.name}.err").open("w+b")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "clients.harness", *self.arguments],
            cwd=self.root,
            env={**os.environ, MARK: self.mark, "TMPDIR": str(self.folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,
        )
        self._watchdog = Timer(PATIENCE_S, self.process.kill)
        self._watchdog.start()
        return self

    def __exit__(self, *raised: object) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._watchdog.cancel()
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        ended = wait_until(lambda: self.process.poll() is not None)
        wait_until(lambda: not self.left())
        left = self.left()
        for process in left:
            with suppress(psutil.Error):
                process.kill()
        self.process.wait()
        self.process.stdout.close()
        self._errors.close()
        if raised[0] is None:
            assert ended, "the harness goes on after its input's end"
            assert [process.pid for process in left] == [], "processes were left behind"
            assert os.listdir(self.folder) == [], "files were left behind"

    def next(self) -> protocol.Message:
        """Its next message."""
        assert self.process.stdout is not None
        return protocol.from_line(self.process.stdout.readline())

    def send(self, trial: protocol.Trial) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(protocol.to_line(trial))
        self.process.stdin.flush()

    def rest(self) -> Told:
        """All that it says until it ends; a line that is none of the protocol fails."""
        assert self.process.stdout is not None
        messages = tuple(protocol.from_line(line) for line in self.process.stdout)
        code = self.process.wait()
        assert self._watchdog.is_alive(), "the harness did not end"
        self._errors.seek(0)
        return Told(messages, code, self._errors.read().decode("utf-8", "replace"))

    def left(self) -> list[psutil.Process]:
        """The processes that it has started, wherever they have gone; and itself."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found


def wait_until(holds: Callable[[], object], patience_s: float = PATIENCE_S) -> bool:
    """Whether `holds` within a while."""
    deadline = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@contextmanager
def answering(answer: Callable[[socket.socket, bytes], None]) -> Iterator[str]:
    """A server whose `answer` does what it likes with each connection and the request's id; its address."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        thread = Thread(target=_serve, args=(server, answer))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(server: socket.socket, answer: Callable[[socket.socket, bytes], None]) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:  # shut down
            return
        with connection:
            connection.settimeout(PATIENCE_S)
            request = b""
            while b"\r\n\r\n" not in request and (part := connection.recv(4096)):
                request += part
            if request:
                answer(connection, request.split()[1].rpartition(b"/")[2])


def interrupt(harness: Harness, how: str) -> None:
    """End a harness by SIGTERM, SIGINT or its input's end."""
    if how == "end of input":
        assert harness.process.stdin is not None
        harness.process.stdin.close()
    else:
        harness.process.send_signal(signal.Signals[how])
