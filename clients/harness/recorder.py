"""Records the phases of each request, in any thread, task or process of the approach.

Each event is one line of the protocol, appended to an event log that all processes of a trial share. Appending a line
is atomic, survives a killed process and never waits for a reader, so recording hardly affects the measurement.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from itertools import count
from time import monotonic_ns

from clients.harness.lanes import current_lane, thread_lane

PATH_VARIABLE = "LAB_EVENT_LOG"
# Short, because the path of a socket in this folder may have only about a hundred bytes.
FOLDER_PREFIX = "lab-"
LOG_NAME = "concurrency-lab.events"
# A file beside the log, created at the start signal: the names of the lab's server, one "host:port" per line.
ORIGIN_SUFFIX = ".origin"

_numbers = count(1)
_interpreter = id(sys.modules)  # distinguishes subinterpreters of one process
_opening = threading.Lock()
_log_fd: int | None = None
_origins: tuple[str, ...] = ()


class Request:
    """One request on the wire. Times are `time.monotonic_ns()`; phases that were not reached are None."""

    __slots__ = ("connected_ns", "first_byte_ns", "id", "key", "lane", "pid", "sent_ns", "start_ns", "status", "trial")

    def __init__(self, trial: str, request_id: int | str) -> None:
        self.start_ns = monotonic_ns()
        self.trial = trial
        self.id = request_id
        self.pid = os.getpid()
        self.lane = current_lane()
        self.key: str | None = f"{self.pid}.{_interpreter}.{next(_numbers)}"
        self.connected_ns: int | None = None
        self.sent_ns: int | None = None
        self.first_byte_ns: int | None = None
        self.status: int | None = None
        _append(
            {
                "event": "begin",
                "key": self.key,
                "trial": trial,
                "id": request_id,
                "lane": self.lane,
                "pid": self.pid,
                "start_ns": self.start_ns,
                "tid": threading.get_native_id(),
                "thread": thread_lane(),
            }
        )

    def connected(self) -> None:
        self.connected_ns = monotonic_ns()

    def sent(self) -> None:
        self.sent_ns = monotonic_ns()

    def answered(self, status: int) -> None:
        self.first_byte_ns = monotonic_ns()
        self.status = status

    def end(
        self, *, size: int | None = None, error: BaseException | str | None = None, end_ns: int | None = None
    ) -> None:
        """Record the end, now or at `end_ns`. Only the first call counts. `size` is the length of the body in bytes."""
        if self.key is None:
            return
        end_ns = monotonic_ns() if end_ns is None else end_ns
        key, self.key = self.key, None
        if isinstance(error, BaseException):
            error = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        _append(
            {
                "event": "request",
                "key": key,
                "trial": self.trial,
                "id": self.id,
                "lane": self.lane,
                "pid": self.pid,
                "start_ns": self.start_ns,
                "connected_ns": self.connected_ns,
                "sent_ns": self.sent_ns,
                "first_byte_ns": self.first_byte_ns,
                "end_ns": end_ns,
                "status": self.status,
                "bytes": size,
                "error": error,
            }
        )


def open_request(host: str, port: int | None, target: str) -> Request | None:
    """Record the start of a request to the lab's server; return None for any other server."""
    if f"{host}:{port or 80}" not in _server_names():
        return None
    trial, _, last = target.partition("?")[0].rpartition("/")
    return Request(trial.rpartition("/")[2], int(last) if last.isdecimal() else last)


def _server_names() -> tuple[str, ...]:
    global _origins
    if not _origins:
        try:
            with open(os.environ[PATH_VARIABLE] + ORIGIN_SUFFIX, encoding="utf-8") as file:
                _origins = tuple(file.read().split())
        except OSError:  # before the start signal
            return ()
    return _origins


def _append(fields: dict[str, object]) -> None:
    global _log_fd
    if _log_fd is None:
        with _opening:
            if _log_fd is None:
                _log_fd = os.open(os.environ[PATH_VARIABLE], os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    os.write(_log_fd, json.dumps({"v": 1, **fields}).encode() + b"\n")
