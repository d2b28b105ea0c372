"""Two witnesses of each request, the load generator and the server's log, joined by its id as they come in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from labkit.analysis.checks import DELAY_SLACK_S, DELAY_TOLERANCE
from labkit.load.sweep import Sweep
from labkit.load.totals import Marked, ServerTotals
from labkit.model import ServerConfig
from labkit.runtime.server import LoggedRequest

# How long after its end a request's row in the server's log is waited for.
PATIENCE_NS = 10_000_000_000


class LoadRow(NamedTuple):
    """One request as both saw it, in seconds since the load's zero; what is not known is None.

    `begun_s` was noted before it was sent. `start_s` is counted back from `end_s` by Locust's own response time, which
    a stall between the two may move by as much.

    A named tuple because a load has millions of them, each for a moment.
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


# All that the load generator tells of one request: id, source, due_ns, start_ns, end_ns (None where it never ended),
# status, bytes, error, begun_ns (no later than start_ns), and whether it was answered. A named tuple would take three
# times as long to make.
Told = tuple[int, int, int | None, int, int | None, int | None, int | None, str | None, int, bool]


class Join:
    """Hands each request to `keep` once, when both have told of it, or when nothing more is to be expected.

    A request that failed is let go of `PATIENCE_NS` after its end: the server may never have seen it. One that was
    answered is waited for until the server's log is as far past its end.
    """

    def __init__(self, server: ServerConfig, keep: Callable[[LoadRow], None]) -> None:
        self._keep = keep
        self._zero_ns = 0
        self._told: dict[int, Told] = {}
        self._logged: dict[int, LoggedRequest] = {}
        self._sweep = Sweep()
        self._least_ns = round(server.delay_s * 1e9)
        self._most_ns = round((server.delay_s * (1 + DELAY_TOLERANCE) + DELAY_SLACK_S) * 1e9)
        self._rows = self._slowest_ns = self._let_go = 0
        self._log_end_ns = 0
        self._unlogged, self._log_only, self._logged_again = Marked(), Marked(), Marked()
        self._outside, self._wrong_delay = Marked(), Marked()

    def begin(self, zero_ns: int) -> None:
        """The moment that rows count from."""
        self._zero_ns = zero_ns

    def told(self, requests: Iterable[Told]) -> None:
        """The load generator's word on requests that are over."""
        logged = self._logged
        for told in requests:
            row = logged.pop(told[0], None)
            if row is None:
                self._told[told[0]] = told
            else:
                self._join(told, row)

    def served(self, rows: Collection[LoggedRequest]) -> None:
        """Rows of the server's log; many at once take less time for each."""
        if not rows:
            return
        starts_ns, ends_ns = [row.start_ns for row in rows], [row.end_ns for row in rows]
        took_ns = [end_ns - start_ns for start_ns, end_ns in zip(starts_ns, ends_ns, strict=True)]
        self._sweep.extend(starts_ns, ends_ns)
        self._rows += len(rows)
        self._slowest_ns, self._log_end_ns = max(self._slowest_ns, *took_ns), max(self._log_end_ns, *ends_ns)
        if min(took_ns) < self._least_ns or max(took_ns) > self._most_ns:
            for row, ns in zip(rows, took_ns, strict=True):
                if not self._least_ns <= ns <= self._most_ns:
                    self._wrong_delay.add(row.id)
        for row in rows:
            number = row.id
            if isinstance(number, str):
                self._log_only.add(number)
            elif (told := self._told.pop(number, None)) is not None:
                self._join(told, row)
            elif number in self._logged:
                self._logged_again.add(number)
            else:
                self._logged[number] = row

    def unlogged(self) -> tuple[int, ...]:
        """Which of the answered requests still wait for the server's row."""
        return tuple(told[0] for told in self._told.values() if told[-1])

    def settle(self, safe_ns: int, oldest_ns: int, is_over: Callable[[int], bool]) -> None:
        """The load generator has told of all before `safe_ns`; what is on its way began no earlier than `oldest_ns`.

        `is_over` says whether a request began and is on its way no more.
        """
        self._pass_over(is_over)
        answered_ns, failed_ns = self._log_end_ns - PATIENCE_NS, safe_ns - PATIENCE_NS
        gone, least_ns = [], min(safe_ns, oldest_ns)
        for told in self._told.values():
            end_ns = told[4]
            if end_ns is not None and end_ns < (answered_ns if told[-1] else failed_ns):
                gone.append(told)
            elif told[-2] < least_ns:
                least_ns = told[-2]
        for told in gone:
            del self._told[told[0]]
            self._alone(told)
        self._let_go += len(gone)
        # The server's part of a request lies within the client's: no row still to come starts before this.
        self._sweep.advance(least_ns)

    def finish(self, is_over: Callable[[int], bool]) -> ServerTotals:
        """Neither has any more to say."""
        self._pass_over(is_over)
        for told in self._told.values():
            self._alone(told)
        for number in self._logged:
            self._log_only.add(number)
        self._sweep.finish()
        return ServerTotals(
            rows=self._rows,
            slowest_s=self._slowest_ns / 1e9 if self._rows else None,
            max_in_flight=self._sweep.most if self._rows else None,
            unlogged=self._unlogged.ids,
            log_only=self._log_only.ids,
            logged_again=self._logged_again.ids,
            outside=self._outside.ids,
            wrong_delay=self._wrong_delay.ids,
        )

    def _pass_over(self, is_over: Callable[[int], bool]) -> None:
        """Rows of requests that are done with: as many as were let go of may have come late, others came twice."""
        for number in [number for number in self._logged if is_over(number)]:
            del self._logged[number]
            if self._let_go:
                self._let_go -= 1
            else:
                self._logged_again.add(number)

    def _join(self, told: Told, row: LoggedRequest) -> None:
        number, source, due_ns, start_ns, end_ns, status, size, error, begun_ns, answered = told
        served_ns, done_ns, zero_ns = row.start_ns, row.end_ns, self._zero_ns
        # Who gave up waiting may be served all the same, when its turn has come.
        # The generator counts the start back from the end: a stall between the two moves it, but never the beginning.
        if served_ns < begun_ns or (answered and end_ns is not None and done_ns > end_ns):
            self._outside.add(number)
        self._keep(
            LoadRow._make(
                (
                    number,
                    source,
                    None if due_ns is None else (due_ns - zero_ns) / 1e9,
                    (begun_ns - zero_ns) / 1e9,
                    (start_ns - zero_ns) / 1e9,
                    None if end_ns is None else (end_ns - zero_ns) / 1e9,
                    status,
                    size,
                    error,
                    row.worker,
                    (served_ns - zero_ns) / 1e9,
                    (done_ns - zero_ns) / 1e9,
                )
            )
        )

    def _alone(self, told: Told) -> None:
        number, source, due_ns, start_ns, end_ns, status, size, error, begun_ns, answered = told
        if answered:
            self._unlogged.add(number)
        zero_ns = self._zero_ns
        due_s = None if due_ns is None else (due_ns - zero_ns) / 1e9
        end_s = None if end_ns is None else (end_ns - zero_ns) / 1e9
        start_s = (start_ns - zero_ns) / 1e9
        begun_s = (begun_ns - zero_ns) / 1e9
        row = (number, source, due_s, begun_s, start_s, end_s, status, size, error, None, None, None)
        self._keep(LoadRow._make(row))
