"""The running slow server, as its own log tells of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

from labkit.errors import MachineError
from labkit.model import ServerConfig
from labkit.runtime.channel import Channel, Lines

READY_PATIENCE_S = 30.0
STOP_PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One line of the server's log; times are nanoseconds on the clock that clients share."""

    trial: str
    id: int | str
    worker: int
    start_ns: int
    end_ns: int
    status: int


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
        self._workers = 0
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
        """Wait until it listens and each of its workers takes requests. Raises `MachineError`."""
        deadline = monotonic() + READY_PATIENCE_S
        while not self._address or self._workers < self.config.workers:
            try:
                line = self._lines.next(deadline - monotonic())
            except TimeoutError:
                raise self._broken(f"was not ready after {READY_PATIENCE_S:g} s") from None
            if line is None:
                raise self._broken("ended before it was ready")
            match self._take(line):
                case {"event": "listening", "address": str(address)}:
                    self._address = address
                case {"event": "worker"}:
                    self._workers += 1

    def expect_many(self) -> None:
        """Its log is going to be long: read it in larger pieces, a little later each."""
        self._channel.expect_many()

    def requests_of(self, trial: str, wanted: Collection[int | str], patience_s: float) -> tuple[LoggedRequest, ...]:
        """What it logged of a trial, once that holds all `wanted` ids, or after `patience_s` without them."""
        deadline = monotonic() + patience_s
        with suppress(TimeoutError):
            while not {row.id for row in self._logged.get(trial, ())}.issuperset(wanted):
                line = self._lines.next(deadline - monotonic())
                if line is None:
                    break
                self._take(line)
        with suppress(TimeoutError):  # what has come besides, such as a request that nobody asked for
            while (line := self._lines.next(0)) is not None:
                self._take(line)
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

    def _take(self, line: bytes) -> dict[str, object]:
        try:
            data = json.loads(line)
        except ValueError:
            return {}
        if not isinstance(data, dict):
            return {}
        if data.get("event") == "request":
            request_id = str(data["id"])
            row = LoggedRequest(
                trial=str(data["trial"]),
                id=int(request_id) if request_id.isdecimal() else request_id,
                worker=int(data["worker"]),
                start_ns=int(data["start_ns"]),
                end_ns=int(data["end_ns"]),
                status=int(data["status"]),
            )
            self._logged.setdefault(row.trial, []).append(row)
        return data

    def _broken(self, what: str) -> MachineError:
        self._lines.join(1.0)
        self.stop()
        return MachineError(f"the slow server {what}", lines=self._lines.last_errors)


def server_environment(config: ServerConfig, bind: str = "127.0.0.1:0") -> dict[str, str]:
    """The SERVER_* variables that server/settings.py reads."""
    return {
        "SERVER_BIND": bind,
        "SERVER_WORKERS": str(config.workers),
        "SERVER_WORKER_CLASS": config.worker_class,
        "SERVER_THREADS": str(config.worker_threads),
        "SERVER_DELAY_S": repr(config.delay_s),
    }
