"""The running slow server, observed through its log."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any

from labkit.model import ServerConfig
from labkit.model.errors import MachineError
from labkit.runtime.channel import Channel, LineReader

READY_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One line of the server's log; times are nanoseconds on the clock that clients share.

    `status` is 0 if the server began no answer. `attempt` counts the requests with this id from 1; None if the server
    does not count them. `did` is a kind of `server.behaviour.Act`, or ``refused`` or ``banned``.
    """

    trial: str
    id: int | str
    worker: int
    start_ns: int
    end_ns: int
    status: int
    attempt: int | None = None
    did: str = "answer"


class Server:
    """A slow server in one configuration."""

    def __init__(self, config: ServerConfig, channel: Channel, host: Callable[[], str] | None = None) -> None:
        """`host` returns the address for clients once it runs, unless that is the address in its log."""
        self.config = config
        self._channel = channel
        self._host = host
        self._lines = LineReader(channel, "server")
        self._started = False
        self._address = ""
        self._workers: set[int] = set()
        self._logged: dict[str, list[LoggedRequest]] = {}

    @property
    def url(self) -> str:
        """The URL for clients, without a path: an address, because a name lookup would cost each trial time."""
        host, _, port = self._address.rpartition(":")
        return f"http://{self._host() if self._host else host}:{port}"

    def start(self) -> None:
        """Start it unless it is started. Raises `MachineError`."""
        if not self._started:
            self._channel.start()
            self._lines.start()
            self._started = True

    def wait_until_ready(self) -> None:
        """Wait until it listens and all its workers accept requests, also after some were killed.

        Raises `MachineError`.
        """
        self._read_available()
        try:
            self._read_until(self._is_ready, READY_TIMEOUT_S)
        except TimeoutError:
            raise self._broken(f"was not ready after {READY_TIMEOUT_S:g} s") from None
        if not self._is_ready():
            raise self._broken("ended before it was ready")

    def _is_ready(self) -> bool:
        return bool(self._address) and len(self._workers) >= self.config.workers

    def expect_long_log(self) -> None:
        """Read the log in larger pieces from now on, each a little later."""
        self._channel.expect_long_output()

    def logged_requests(self, trial: str, expected: Iterable[int | str], timeout_s: float) -> tuple[LoggedRequest, ...]:
        """The logged requests of a trial, once every `expected` id is there as often, or after `timeout_s`."""
        ids = Counter(expected)

        def is_complete() -> bool:
            rows = self._logged.get(trial, ())
            return len(rows) >= ids.total() and ids <= Counter(row.id for row in rows)

        with suppress(TimeoutError):
            self._read_until(is_complete, timeout_s)
        self._read_available()  # unexpected requests too
        return tuple(self._logged.pop(trial, ()))

    def all_logged_requests(self, least: int, timeout_s: float) -> tuple[LoggedRequest, ...]:
        """The logged requests of all trials, once there are at least `least`, or after `timeout_s`."""
        with suppress(TimeoutError):
            self._read_until(lambda: sum(map(len, self._logged.values())) >= least, timeout_s)
        return tuple(row for trial in list(self._logged) for row in self.logged_requests(trial, (), 0))

    def cpu_s(self) -> float | None:
        """The CPU seconds that it has used so far; None if the system does not report them."""
        return self._channel.cpu_s()

    def has_ended(self, timeout_s: float = 0) -> bool:
        """True if it was started and has ended, or ends within `timeout_s`. Raises `EngineGone`."""
        return self._started and self._channel.wait(timeout_s) is not None

    @property
    def last_lines(self) -> tuple[str, ...]:
        return self._lines.last_errors

    def stop(self) -> None:
        """End it now, despite requests in progress."""
        self._channel.kill()
        self._channel.wait(STOP_TIMEOUT_S)

    def _read_available(self) -> None:
        with suppress(TimeoutError):
            self._read_until(lambda: False, 0)

    def _read_until(self, is_complete: Callable[[], bool], timeout_s: float) -> None:
        """Process lines of the log until it is complete or ends. Raises TimeoutError."""
        deadline = monotonic() + timeout_s
        while not is_complete() and (line := self._lines.next(deadline - monotonic())) is not None:
            self._process(line)

    def _process(self, line: bytes) -> None:
        try:
            event = json.loads(line)
        except ValueError:
            return
        match event:
            case {"event": "listening", "address": str(address)}:
                self._address = address
            case {"event": "worker", "worker": int(worker)}:
                self._workers.add(worker)
            case {"event": "gone", "worker": int(worker)}:
                self._workers.discard(worker)
            case {"event": "request"}:
                row = _logged(event)
                self._logged.setdefault(row.trial, []).append(row)

    def _broken(self, problem: str) -> MachineError:
        self._lines.join(1.0)
        self.stop()
        return MachineError(f"the slow server {problem}", lines=self._lines.last_errors)


def _logged(event: dict[str, Any]) -> LoggedRequest:
    request_id = str(event["id"])
    return LoggedRequest(
        trial=str(event["trial"]),
        id=int(request_id) if request_id.isdecimal() else request_id,
        worker=int(event["worker"]),
        start_ns=int(event["start_ns"]),
        end_ns=int(event["end_ns"]),
        status=int(event["status"]),
        attempt=event.get("attempt") or None,
        did=event.get("did", "answer"),
    )


def server_environment(config: ServerConfig, bind: str = "127.0.0.1:0") -> dict[str, str]:
    """The SERVER_* variables that server/settings.py reads."""
    return {
        "SERVER_BIND": bind,
        "SERVER_WORKERS": str(config.workers),
        "SERVER_WORKER_CLASS": config.worker_class,
        "SERVER_THREADS": str(config.worker_threads),
        "SERVER_DELAY_S": repr(config.delay_s),
        "SERVER_BEHAVIOUR": "" if config.behaviour.plain else config.behaviour.to_json(),
    }
