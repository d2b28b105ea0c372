"""The running slow server, as its own log tells of it."""

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
from labkit.runtime.channel import Channel, Lines

READY_PATIENCE_S = 30.0
STOP_PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One line of the server's log; times are nanoseconds on the clock that clients share.

    `status` is 0 where no answer was begun. `attempt` counts the requests with this id from 1; None where the server
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
    """One slow server in one configuration."""

    def __init__(self, config: ServerConfig, channel: Channel, host: Callable[[], str] | None = None) -> None:
        """`host` tells what clients reach it by once it runs, if that is not the address that it logs."""
        self.config = config
        self._channel = channel
        self._host = host
        self._lines = Lines(channel, "server")
        self._started = False
        self._address = ""
        self._workers: set[int] = set()
        self._logged: dict[str, list[LoggedRequest]] = {}

    @property
    def url(self) -> str:
        """Where clients reach it, without a path; an address, so that no trial pays for looking a name up."""
        host, _, port = self._address.rpartition(":")
        return f"http://{self._host() if self._host else host}:{port}"

    def start(self) -> None:
        """Start it, unless it has been. Raises `MachineError` when it does not."""
        if not self._started:
            self._channel.start()
            self._lines.start()
            self._started = True

    def wait_until_ready(self) -> None:
        """Wait until it listens and each of its workers takes requests, again if any were killed.

        Raises `MachineError`.
        """
        deadline = monotonic() + READY_PATIENCE_S
        self._take_what_came()
        while not self._address or len(self._workers) < self.config.workers:
            try:
                line = self._lines.next(deadline - monotonic())
            except TimeoutError:
                raise self._broken(f"was not ready after {READY_PATIENCE_S:g} s") from None
            if line is None:
                raise self._broken("ended before it was ready")
            self._take(line)

    def expect_many(self) -> None:
        """Its log is going to be long: read it in larger pieces, a little later each."""
        self._channel.expect_many()

    def requests_of(self, trial: str, wanted: Iterable[int | str], patience_s: float) -> tuple[LoggedRequest, ...]:
        """What it logged of a trial, once that holds all `wanted` ids, each as often, or after `patience_s`."""
        deadline = monotonic() + patience_s
        missing = Counter(wanted) - Counter(row.id for row in self._logged.get(trial, ()))
        with suppress(TimeoutError):
            while missing:
                line = self._lines.next(deadline - monotonic())
                if line is None:
                    break
                row = self._take(line)
                if row is not None and row.trial == trial and missing[row.id] > 1:
                    missing[row.id] -= 1
                elif row is not None and row.trial == trial:
                    del missing[row.id]
        self._take_what_came()  # besides, such as a request that nobody asked for
        return tuple(self._logged.pop(trial, ()))

    def all_requests(self, least: int, patience_s: float) -> tuple[LoggedRequest, ...]:
        """All that it logged, whatever the trial, once that are `least` or `patience_s` is over."""
        deadline = monotonic() + patience_s
        while sum(map(len, self._logged.values())) < least:
            try:
                line = self._lines.next(deadline - monotonic())
            except TimeoutError:
                break
            if line is None:
                break
            self._take(line)
        return tuple(row for trial in list(self._logged) for row in self.requests_of(trial, (), 0))

    def cpu_s(self) -> float | None:
        """Processor seconds that it has used so far, or None where that cannot be read."""
        return self._channel.cpu_s()

    def has_ended(self, patience_s: float = 0) -> bool:
        """Whether it has started and ended, or does so within `patience_s`. Raises `EngineGone`."""
        return self._started and self._channel.wait(patience_s) is not None

    @property
    def last_lines(self) -> tuple[str, ...]:
        return self._lines.last_errors

    def stop(self) -> None:
        """End it now: nobody waits for its answers any more."""
        self._channel.kill()
        self._channel.wait(STOP_PATIENCE_S)

    def _take_what_came(self) -> None:
        with suppress(TimeoutError):
            while (line := self._lines.next(0)) is not None:
                self._take(line)

    def _take(self, line: bytes) -> LoggedRequest | None:
        """Take a line to heart; returns the request that it tells of, if it does."""
        try:
            data = json.loads(line)
        except ValueError:
            return None
        match data:
            case {"event": "listening", "address": str(address)}:
                self._address = address
            case {"event": "worker", "worker": int(worker)}:
                self._workers.add(worker)
            case {"event": "gone", "worker": int(worker)}:
                self._workers.discard(worker)
            case {"event": "request"}:
                row = _logged(data)
                self._logged.setdefault(row.trial, []).append(row)
                return row
        return None

    def _broken(self, what: str) -> MachineError:
        self._lines.join(1.0)
        self.stop()
        return MachineError(f"the slow server {what}", lines=self._lines.last_errors)


def _logged(data: dict[str, Any]) -> LoggedRequest:
    request_id = str(data["id"])
    return LoggedRequest(
        trial=str(data["trial"]),
        id=int(request_id) if request_id.isdecimal() else request_id,
        worker=int(data["worker"]),
        start_ns=int(data["start_ns"]),
        end_ns=int(data["end_ns"]),
        status=int(data["status"]),
        attempt=data.get("attempt") or None,
        did=data.get("did", "answer"),
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
