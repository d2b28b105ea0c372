"""All figures of a load, counted while it runs: memory follows from what is on its way, not from what has been."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import repeat

from clients.harness.protocol import Batch
from labkit.load.join import Join, LoadRow, Told
from labkit.load.latencies import Latencies
from labkit.load.seconds import Seconds
from labkit.load.source import Source
from labkit.load.sweep import Sweep
from labkit.load.totals import Marked, Totals
from labkit.model.load import LATE_S, Counts, LoadPlan, Now, Open
from labkit.runtime.server import LoggedRequest

__all__ = ["LoadRow", "Tally"]

LATE_NS = round(LATE_S * 1e9)
ERROR_KINDS = 50
ERROR_LENGTH = 200
OTHER_ERRORS = "other"


class Tally:
    """Takes the load generator's batches and the rows of the server's log, in whatever order the two come.

    Each request goes to `keep` once, when both have told of it. Zero is the first batch's moment. What one process of
    the generator has told waits for the others to tell as far: a second is done with when all have passed it.
    """

    def __init__(self, plan: LoadPlan, keep: Callable[[LoadRow], None]) -> None:
        self._plan = plan
        self._open = isinstance(plan.shape, Open)
        self._sources: dict[int, Source] = {}
        self._zero_ns: int | None = None
        self._seconds = Seconds(0)
        self._settled = 0
        self._join = Join(plan.server, keep)
        self._sweep = Sweep()
        self._latency, self._response = Latencies(), Latencies()
        self._begun = self._ok = self._failed = self._late = 0
        self._sum_ns = self._last_end_ns = self._last_answer_ns = 0
        self._errors: Counter[str] = Counter()
        self._duplicates, self._out_of_turn, self._ended_unknown = Marked(), Marked(), Marked()
        self._totals: Totals | None = None

    def batch(self, batch: Batch) -> None:
        """What one process of the load generator tells."""
        if self._zero_ns is None:
            self._zero_ns = batch.t_ns
            self._seconds = Seconds(batch.t_ns)
            self._join.begin(batch.t_ns)
        source = self._sources.setdefault(batch.source, Source(batch.source, self._plan.processes))
        self._take_begun(source, batch)
        self._take_ended(source, batch)
        source.t_ns, source.due, source.waiting = batch.t_ns, batch.due, batch.waiting
        self._seconds.level(batch.source, batch.t_ns, len(source.on_way), batch.waiting)
        self._settle()

    def served(self, rows: Iterable[LoggedRequest]) -> None:
        """Rows of the server's log."""
        self._join.served(tuple(rows))

    def unlogged(self) -> tuple[int, ...]:
        """The answered requests whose rows in the server's log are still to come."""
        return self._join.unlogged()

    def now(self, t_ns: int) -> Now:
        """The figures at a moment: what has not ended by then counts as unfinished, and what waits as not begun."""
        elapsed_s = 0.0 if self._zero_ns is None else max(0.0, (t_ns - self._zero_ns) / 1e9)
        counts, slots = self._counts(), self._plan.server.slots
        in_flight, waiting = counts.unfinished, sum(source.waiting for source in self._sources.values())
        return Now(
            elapsed_s=elapsed_s,
            counts=counts,
            in_flight=in_flight,
            queue=None if slots is None else max(0, in_flight + waiting - slots),
            p50_s=self._latency.live(50),
            p99_s=self._latency.live(99),
            response_p50_s=self._response.live(50),
            response_p99_s=self._response.live(99),
            throughput_per_s=self._ok / elapsed_s if elapsed_s else 0.0,
        )

    def finish(self) -> None:
        """No more comes from either side: what is still on its way never ended."""
        for number, source in self._sources.items():
            on_way = source.on_way.items()
            self._sweep.extend([begun_ns for _, (begun_ns, _) in on_way], ())
            self._join.told(
                [
                    (request_id, number, due_ns, begun_ns, None, None, None, None, begun_ns, False)
                    for request_id, (begun_ns, due_ns) in on_way
                ]
            )
        self._sweep.finish()
        zero_ns, ended = self._zero_ns or 0, self._ok + self._failed
        self._totals = Totals(
            counts=self._counts(),
            latency=self._latency.percentiles(),
            response=self._response.percentiles(),
            percentiles=self._latency.how,
            max_in_flight=self._sweep.most if self._begun else None,
            server=self._join.finish(self._has_begun),
            errors=tuple(self._errors.most_common()),
            seconds=self._seconds.finish(),
            last_end_s=(self._last_end_ns - zero_ns) / 1e9 if ended else None,
            last_answer_s=(self._last_answer_ns - zero_ns) / 1e9 if self._ok else None,
            latency_sum_s=self._sum_ns / 1e9,
            duplicates=self._duplicates.ids,
            out_of_turn=self._out_of_turn.ids,
            ended_unknown=self._ended_unknown.ids,
        )

    def totals(self) -> Totals:
        """All figures, once `finish` was called."""
        assert self._totals is not None, "finish comes first"
        return self._totals

    def _take_begun(self, source: Source, batch: Batch) -> None:
        source.follow(batch.begun, self._duplicates, self._out_of_turn)
        self._begun += len(batch.begun)
        due_ns = batch.begun_due_ns
        source.on_way.update(zip(batch.begun, zip(batch.begun_ns, due_ns or repeat(None), strict=False), strict=True))
        self._seconds.arrived(batch.begun_ns if due_ns is None else due_ns)
        if due_ns is not None:
            self._late += sum(begun_ns - ns > LATE_NS for begun_ns, ns in zip(batch.begun_ns, due_ns, strict=True))

    def _take_ended(self, source: Source, batch: Batch) -> None:
        """One pass with names at hand, and sums of whole columns: how long it takes bounds what a load can be."""
        latencies: list[float] = []
        responses: list[float] = []
        told: list[Told] = []
        begins_ns = ends_ns = last_answer_ns = 0  # begins and ends: of the second that `cell` counts
        cell, seconds, on_way, number = self._seconds.cell(0), self._seconds, source.on_way, batch.source
        columns = (batch.ended, batch.ended_start_ns, batch.ended_ns, batch.statuses, batch.sizes, batch.errors)
        for request_id, start_ns, end_ns, status, size, error in zip(*columns, strict=True):
            began = on_way.pop(request_id, None)
            if began is None:
                self._ended_unknown.add(request_id)
                continue
            if not begins_ns <= end_ns < ends_ns:
                cell, begins_ns, ends_ns = seconds.at(end_ns)
            begun_ns, due_ns = began
            answered = error is None and status is not None and status < 400
            if answered:
                latencies.append(latency_s := (end_ns - start_ns) / 1e9)
                cell.latencies.append(latency_s)
                if due_ns is not None:
                    responses.append((end_ns - due_ns) / 1e9)
                last_answer_ns = end_ns
            else:
                cell.failed += 1
                self._fail(status, error)
            told.append((request_id, number, due_ns, start_ns, end_ns, status, size, error, begun_ns, answered))
        self._join.told(told)
        self._last_answer_ns = max(self._last_answer_ns, last_answer_ns)
        self._sum_ns += sum(batch.ended_ns) - sum(batch.ended_start_ns)
        self._last_end_ns = max(self._last_end_ns, *batch.ended_ns, 0)
        self._sweep.extend(batch.ended_start_ns, batch.ended_ns)
        self._ok += len(latencies)
        self._latency.extend(latencies)
        self._response.extend(responses)

    def _fail(self, status: int | None, error: str | None) -> None:
        self._failed += 1
        what = error if error is not None else "no answer" if status is None else f"status {status}"
        what = what[:ERROR_LENGTH]
        self._errors[what if what in self._errors or len(self._errors) < ERROR_KINDS else OTHER_ERRORS] += 1

    def _counts(self) -> Counts:
        arrivals = sum(source.due for source in self._sources.values()) if self._open else self._begun
        return Counts(
            arrivals=arrivals,
            begun=self._begun,
            ok=self._ok,
            failed=self._failed,
            unfinished=self._begun - self._ok - self._failed,
            not_begun=max(0, arrivals - self._begun),
            late=self._late if self._open else None,
        )

    def _settle(self) -> None:
        """Once a second: what no word that is still to come can change is counted and forgotten."""
        if len(self._sources) < self._plan.processes:
            return
        safe_ns = min(source.t_ns for source in self._sources.values())
        if (index := self._seconds.index(safe_ns)) <= self._settled:
            return
        self._settled = index
        oldest_ns = min(source.oldest_ns() for source in self._sources.values())
        self._seconds.settle(safe_ns)
        self._sweep.advance(oldest_ns)
        self._join.settle(safe_ns, oldest_ns, self._is_over)

    def _has_begun(self, request_id: int) -> bool:
        source = self._sources.get((request_id - 1) % self._plan.processes)
        return source is not None and 0 < request_id < source.next_id

    def _is_over(self, request_id: int) -> bool:
        number = (request_id - 1) % self._plan.processes
        return self._has_begun(request_id) and request_id not in self._sources[number].on_way
