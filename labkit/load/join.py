"""Join the two witnesses of each request, the load generator and the server's log, as they arrive."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from labkit.analysis.checks import DELAY_SLACK_S, DELAY_TOLERANCE
from labkit.load.sweep import Sweep
from labkit.load.totals import ServerTotals
from labkit.model import ServerConfig
from labkit.runtime.server import LoggedRequest

# Time to wait, after a request has ended, for its row in the server's log.
PATIENCE_NS = 10_000_000_000


class LoadRow(NamedTuple):
    """One request as both witnesses saw it, in seconds since the load's zero; unknown values are None.

    `begun_s` was recorded before the request was sent. `start_s` is `end_s` minus Locust's own response time, so a
    stall between the two recordings moves it.

    A named tuple, because a load creates millions of them.
    """

    id: int
    source: int
    due_s: float | None
    begun_s: float
    start_s: float
    end_s: float | None
    status: int | None
    bytes: int | None
    error: str | None
    worker: int | None
    server_start_s: float | None
    server_end_s: float | None


# A request as the load generator reports it: id, source, due_ns, start_ns, end_ns (None if it never ended), status,
# bytes, error, begun_ns (at most start_ns), and whether it was answered. Creating a named tuple takes three times as
# long.
Reported = tuple[int, int, int | None, int, int | None, int | None, int | None, str | None, int, bool]


class Join:
    """Passes each request to `keep` once, when both witnesses have reported it, or one will not report it any more.

    A failed request may never have reached the server: it waits `PATIENCE_NS` after its end. An answered one waits
    until the server's log is as far past its end.
    """

    def __init__(self, server: ServerConfig, keep: Callable[[LoadRow], None]) -> None:
        self._keep = keep
        self._zero_ns = 0
        self._reported: dict[int, Reported] = {}
        self._logged: dict[int, LoggedRequest] = {}
        self._sweep = Sweep()
        self._least_ns = round(server.delay_s * 1e9)
        self._most_ns = round((server.delay_s * (1 + DELAY_TOLERANCE) + DELAY_SLACK_S) * 1e9)
        self._slowest_ns = self._log_end_ns = self._given_up = 0
        self._totals = ServerTotals()

    def begin(self, zero_ns: int) -> None:
        """Set the moment from which rows count their times."""
        self._zero_ns = zero_ns

    def add_reported(self, requests: Iterable[Reported]) -> None:
        """Add finished requests, as the load generator reports them."""
        logged = self._logged
        for request in requests:
            row = logged.pop(request[0], None)
            if row is None:
                self._reported[request[0]] = request
            else:
                self._join(request, row)

    def add_logged(self, rows: Collection[LoggedRequest]) -> None:
        """Add rows of the server's log; many at once are faster than one by one."""
        if not rows:
            return
        starts_ns, ends_ns = [row.start_ns for row in rows], [row.end_ns for row in rows]
        durations_ns = [end_ns - start_ns for start_ns, end_ns in zip(starts_ns, ends_ns, strict=True)]
        self._sweep.extend(starts_ns, ends_ns)
        self._totals.rows += len(rows)
        self._slowest_ns, self._log_end_ns = max(self._slowest_ns, *durations_ns), max(self._log_end_ns, *ends_ns)
        if min(durations_ns) < self._least_ns or max(durations_ns) > self._most_ns:
            for row, duration_ns in zip(rows, durations_ns, strict=True):
                if not self._least_ns <= duration_ns <= self._most_ns:
                    self._totals.wrong_delay.add(row.id)
        for row in rows:
            number = row.id
            if isinstance(number, str):
                self._totals.log_only.add(number)
            elif (request := self._reported.pop(number, None)) is not None:
                self._join(request, row)
            elif number in self._logged:
                self._totals.logged_again.add(number)
            else:
                self._logged[number] = row

    def unlogged(self) -> tuple[int, ...]:
        """The answered requests without a row of the server's log."""
        return tuple(request[0] for request in self._reported.values() if request[-1])

    def settle(self, safe_ns: int, oldest_ns: int, is_over: Callable[[int], bool]) -> None:
        """Drop what can no longer be joined.

        The load generator has reported everything before `safe_ns`; requests in flight began at `oldest_ns` or later.
        `is_over` is true of a request that has begun and ended.
        """
        self._discard_late_rows(is_over)
        answered_ns, failed_ns = self._log_end_ns - PATIENCE_NS, safe_ns - PATIENCE_NS
        given_up, least_ns = [], min(safe_ns, oldest_ns)
        for request in self._reported.values():
            end_ns = request[4]
            if end_ns is not None and end_ns < (answered_ns if request[-1] else failed_ns):
                given_up.append(request)
            elif request[-2] < least_ns:
                least_ns = request[-2]
        for request in given_up:
            del self._reported[request[0]]
            self._keep_unlogged(request)
        self._given_up += len(given_up)
        # The server serves a request within the client's time, so no later row starts before this moment.
        self._sweep.advance(least_ns)

    def finish(self, is_over: Callable[[int], bool]) -> ServerTotals:
        """Join the rest: no more requests or rows follow."""
        self._discard_late_rows(is_over)
        for request in self._reported.values():
            self._keep_unlogged(request)
        for number in self._logged:
            self._totals.log_only.add(number)
        self._sweep.finish()
        if self._totals.rows:
            self._totals.slowest_s = self._slowest_ns / 1e9
            self._totals.max_in_flight = self._sweep.most
        return self._totals

    def _discard_late_rows(self, is_over: Callable[[int], bool]) -> None:
        """Rows of finished requests: as many as were given up may be late, further ones are duplicates."""
        for number in [number for number in self._logged if is_over(number)]:
            del self._logged[number]
            if self._given_up:
                self._given_up -= 1
            else:
                self._totals.logged_again.add(number)

    def _join(self, request: Reported, row: LoggedRequest) -> None:
        end_ns, begun_ns, answered = request[4], request[8], request[9]
        # The server may serve a request after its client gave up. The computed start may be wrong, `begun_ns` is not.
        if row.start_ns < begun_ns or (answered and end_ns is not None and row.end_ns > end_ns):
            self._totals.outside.add(request[0])
        zero_ns = self._zero_ns
        self._keep_row(request, row.worker, (row.start_ns - zero_ns) / 1e9, (row.end_ns - zero_ns) / 1e9)

    def _keep_unlogged(self, request: Reported) -> None:
        if request[-1]:
            self._totals.unlogged.add(request[0])
        self._keep_row(request, None, None, None)

    def _keep_row(
        self, request: Reported, worker: int | None, server_start_s: float | None, server_end_s: float | None
    ) -> None:
        number, source, due_ns, start_ns, end_ns, status, size, error, begun_ns, _ = request
        zero_ns = self._zero_ns
        due_s = None if due_ns is None else (due_ns - zero_ns) / 1e9
        end_s = None if end_ns is None else (end_ns - zero_ns) / 1e9
        begun_s, start_s = (begun_ns - zero_ns) / 1e9, (start_ns - zero_ns) / 1e9
        client = (number, source, due_s, begun_s, start_s, end_s, status, size, error)
        self._keep(LoadRow._make((*client, worker, server_start_s, server_end_s)))
