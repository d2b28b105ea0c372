"""Count all figures of a load while it runs: memory depends on the requests in flight, not on all requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from itertools import repeat

from clients.harness.protocol import Batch
from labkit.load.join import Join, LoadRow, Reported
from labkit.load.latencies import Latencies
from labkit.load.seconds import Seconds
from labkit.load.source import Source
from labkit.load.sweep import Sweep
from labkit.load.totals import Ids, Totals
from labkit.model.load import LATE_S, Counts, LoadPlan, Now, Open
from labkit.runtime.server import LoggedRequest

LATE_NS = round(LATE_S * 1e9)
ERROR_KINDS = 50
ERROR_LENGTH = 200
OTHER_ERRORS = "other"


class Tally:
    """Counts batches of the load generator and rows of the server's log, in any order.

    Each request goes to `keep` once, when both have reported it. Zero is the moment of the first batch. A second is
    settled when all processes of the generator have reported beyond it.
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
        self._duplicates, self._out_of_turn, self._ended_unknown = Ids(), Ids(), Ids()

    def add_batch(self, batch: Batch) -> None:
        """Count a batch of one process of the load generator."""
        if self._zero_ns is None:
            self._zero_ns = batch.t_ns
            self._seconds = Seconds(batch.t_ns)
            self._join.begin(batch.t_ns)
        source = self._sources.setdefault(batch.source, Source(batch.source, self._plan.processes))
        self._add_begun(source, batch)
        self._add_ended(source, batch)
        source.t_ns, source.due, source.waiting = batch.t_ns, batch.due, batch.waiting
        self._seconds.set_level(batch.source, batch.t_ns, len(source.in_flight), batch.waiting)
        self._settle()

    def add_logged(self, rows: Collection[LoggedRequest]) -> None:
        """Count rows of the server's log."""
        self._join.add_logged(rows)

    def unlogged(self) -> tuple[int, ...]:
        """The answered requests without a row of the server's log."""
        return self._join.unlogged()

    def now(self, t_ns: int) -> Now:
        """The figures at a moment: requests in flight count as unfinished, and waiting arrivals as not begun."""
        elapsed_s = 0.0 if self._zero_ns is None else max(0.0, (t_ns - self._zero_ns) / 1e9)
        counts, slots = self._counts(), self._plan.server.slots
        in_flight, waiting = counts.unfinished, sum(source.waiting for source in self._sources.values())
        return Now(
            elapsed_s=elapsed_s,
            counts=counts,
            in_flight=in_flight,
            queue=None if slots is None else max(0, in_flight + waiting - slots),
            p50_s=self._latency.estimate(50),
            p99_s=self._latency.estimate(99),
            response_p50_s=self._response.estimate(50),
            response_p99_s=self._response.estimate(99),
            throughput_per_s=self._ok / elapsed_s if elapsed_s else 0.0,
        )

    def finish(self) -> Totals:
        """The figures of the whole load: no more batches or rows follow, and requests in flight never ended."""
        for number, source in self._sources.items():
            in_flight = source.in_flight.items()
            self._sweep.extend([begun_ns for _, (begun_ns, _) in in_flight], ())
            self._join.add_reported(
                (request_id, number, due_ns, begun_ns, None, None, None, None, begun_ns, False)
                for request_id, (begun_ns, due_ns) in in_flight
            )
        self._sweep.finish()
        zero_ns, ended = self._zero_ns or 0, self._ok + self._failed
        return Totals(
            counts=self._counts(),
            latency=self._latency.percentiles(),
            response=self._response.percentiles(),
            percentiles=self._latency.precision,
            max_in_flight=self._sweep.most if self._begun else None,
            server=self._join.finish(self._has_begun),
            errors=tuple(self._errors.most_common()),
            seconds=self._seconds.finish(),
            last_end_s=(self._last_end_ns - zero_ns) / 1e9 if ended else None,
            last_answer_s=(self._last_answer_ns - zero_ns) / 1e9 if self._ok else None,
            latency_sum_s=self._sum_ns / 1e9,
            duplicates=self._duplicates,
            out_of_turn=self._out_of_turn,
            ended_unknown=self._ended_unknown,
        )

    def _add_begun(self, source: Source, batch: Batch) -> None:
        source.begin(batch.begun, self._duplicates, self._out_of_turn)
        self._begun += len(batch.begun)
        due_ns = batch.begun_due_ns
        begun = zip(batch.begun_ns, due_ns or repeat(None), strict=False)
        source.in_flight.update(zip(batch.begun, begun, strict=True))
        self._seconds.add_arrivals(batch.begun_ns if due_ns is None else due_ns)
        if due_ns is not None:
            self._late += sum(begun_ns - ns > LATE_NS for begun_ns, ns in zip(batch.begun_ns, due_ns, strict=True))

    def _add_ended(self, source: Source, batch: Batch) -> None:
        """Count the ends in one pass, with local names and sums of whole columns: its speed limits the largest load."""
        latencies: list[float] = []
        responses: list[float] = []
        ended: list[Reported] = []
        begins_ns = ends_ns = last_answer_ns = 0  # begin and end of the second `current`
        current, seconds, in_flight, number = self._seconds.second(0), self._seconds, source.in_flight, batch.source
        columns = (batch.ended, batch.ended_start_ns, batch.ended_ns, batch.statuses, batch.sizes, batch.errors)
        for request_id, start_ns, end_ns, status, size, error in zip(*columns, strict=True):
            began = in_flight.pop(request_id, None)
            if began is None:
                self._ended_unknown.add(request_id)
                continue
            if not begins_ns <= end_ns < ends_ns:
                current, begins_ns, ends_ns = seconds.at(end_ns)
            begun_ns, due_ns = began
            answered = error is None and status is not None and status < 400
            if answered:
                latencies.append(latency_s := (end_ns - start_ns) / 1e9)
                current.latencies.append(latency_s)
                if due_ns is not None:
                    responses.append((end_ns - due_ns) / 1e9)
                last_answer_ns = end_ns
            else:
                current.failed += 1
                self._count_failure(status, error)
            ended.append((request_id, number, due_ns, start_ns, end_ns, status, size, error, begun_ns, answered))
        self._join.add_reported(ended)
        self._last_answer_ns = max(self._last_answer_ns, last_answer_ns)
        self._sum_ns += sum(batch.ended_ns) - sum(batch.ended_start_ns)
        self._last_end_ns = max(self._last_end_ns, *batch.ended_ns, 0)
        self._sweep.extend(batch.ended_start_ns, batch.ended_ns)
        self._ok += len(latencies)
        self._latency.extend(latencies)
        self._response.extend(responses)

    def _count_failure(self, status: int | None, error: str | None) -> None:
        self._failed += 1
        cause = error if error is not None else "no answer" if status is None else f"status {status}"
        cause = cause[:ERROR_LENGTH]
        self._errors[cause if cause in self._errors or len(self._errors) < ERROR_KINDS else OTHER_ERRORS] += 1

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
        """Count and forget, once per second, everything that later reports cannot change."""
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
        return self._has_begun(request_id) and request_id not in self._sources[number].in_flight
