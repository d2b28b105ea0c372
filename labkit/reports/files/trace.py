"""The timeline in the Trace Event format, for Perfetto and chrome://tracing.

Each trial has three groups of tracks at most: the client with a track per lane, the server with one per worker, and the
states of threads and tasks where the trial was traced. All start signals are at the same moment.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import BinaryIO

from labkit.analysis.analyse import Analysis
from labkit.analysis.metrics import end_of
from labkit.model import STATES, Comparison, Trace, Trial
from labkit.output.format import format_grid_point
from labkit.reports.timeline.lanes import STAGES, phases, rows, worker_rows
from labkit.reports.timeline.trace_events import Clock, Event, Track, arrow, complete, counter, instant, process, thread

FILE: str | None = "trace.json"
# A client's first track holds what is not a lane's. No track has the number 0, which is the idle thread's to Perfetto.
LIFE = 1


def write(analysis: Analysis, to: BinaryIO) -> None:
    """One JSON object."""
    comparison = analysis.comparison
    whole = {
        "traceEvents": list(events(comparison)),
        "displayTimeUnit": "ms",
        "otherData": {"id": comparison.id, "started_at": comparison.started_at, "command": comparison.command},
    }
    to.write(json.dumps(whole, allow_nan=False).encode())


def events(comparison: Comparison) -> Iterator[Event]:
    """All events, trials in the order in which they ran, and each bar before what lies within it or points at it."""
    trials = sorted((checked.trial for checked in comparison.trials), key=lambda trial: trial.planned.order)
    before = [0.0, *(trial.cold_start_s or 0.0 for trial in trials)]
    before += [-sample.t_s for trial in trials for sample in trial.samples[:1]]
    before += [-row.start_s for trial in trials for row in trial.unmatched]
    clock = Clock(float(ceil(max(before))))
    arrows = 0
    for trial in trials:
        drawn = _Drawn(trial, clock, _title(comparison, trial))
        yield from drawn.client()
        yield from drawn.server()
        yield from drawn.arrows(arrows)
        arrows += len(trial.requests)
        if trial.trace is not None:
            yield from drawn.states(trial.trace)


def _title(comparison: Comparison, trial: Trial) -> str:
    """What tells this trial from the others."""
    planned, others = trial.planned, comparison.plan.trials
    parts = [f"{planned.order}. {planned.approach}"]
    if planned.traced:
        parts.append("traced")
    if len({other.repeat for other in others}) > 1:
        parts.append(f"repeat {planned.repeat}")
    if len({other.point for other in others}) > 1:
        parts.append(format_grid_point(planned.point))
    return ", ".join(parts)


@dataclass(slots=True)
class _Drawn:
    """The events of one trial."""

    trial: Trial
    clock: Clock
    title: str

    def _pid(self, group: int) -> int:
        return self.trial.planned.order * 10 + group

    def client(self) -> Iterator[Event]:
        trial, pid = self.trial, self._pid(0)
        yield from process(pid, f"{self.title}: client")
        yield from self._life(Track(pid, LIFE))
        until_s = end_of(trial)
        for tid, row in enumerate(rows(trial, until_s), start=LIFE + 1):
            track = Track(pid, tid)
            yield from thread(track, _part(f"{row.name} (process {row.pid})", row.part))
            for request in row.requests:
                args = {
                    "id": request.id,
                    "attempt": request.attempt,
                    "status": request.status,
                    "bytes": request.bytes,
                    "error": request.error,
                    "latency_s": request.latency_s,
                    "worker": request.server.worker if request.server else None,
                }
                stages = phases(request, until_s)
                end_s = request.end_s if request.end_s is not None else max(until_s, request.start_s)
                span = (request.start_s, end_s)
                yield complete(self.clock, track, f"request {request.id}", "request", span, **args)
                for phase in stages:
                    within = (phase.start_s, phase.end_s)
                    yield complete(self.clock, track, STAGES[phase.stage], "phase", within)
        yield from self._counters(pid)

    def _life(self, track: Track) -> Iterator[Event]:
        """What came before the start signal, and the trial itself."""
        trial = self.trial
        yield from thread(track, "trial")
        if trial.cold_start_s:
            yield complete(self.clock, track, "cold start", "trial", (-trial.cold_start_s, 0.0))
        yield instant(self.clock, track, "start signal", 0.0)
        if trial.makespan_s:
            figures = {"makespan_s": trial.makespan_s, "ideal_s": trial.planned.ideal_s, "outcome": trial.outcome}
            yield complete(self.clock, track, "makespan", "trial", (0.0, trial.makespan_s), **figures)

    def _counters(self, pid: int) -> Iterator[Event]:
        for sample in self.trial.samples:
            yield counter(self.clock, pid, "threads", sample.t_s, threads=sample.threads)
            if sample.in_flight is not None:
                yield counter(self.clock, pid, "in flight", sample.t_s, requests=sample.in_flight)
            if sample.memory_bytes is not None:
                yield counter(self.clock, pid, "memory (MB)", sample.t_s, MB=sample.memory_bytes / 1e6)

    def server(self) -> Iterator[Event]:
        pid = self._pid(1)
        yield from process(pid, f"{self.title}: server")
        for tid, row in enumerate(worker_rows(self.trial), start=1):
            track = Track(pid, tid)
            yield from thread(track, _part(f"worker {row.worker}", row.part))
            for served in row.served:
                span, args = (
                    (served.start_s, served.end_s),
                    {"id": served.id, "status": served.status, "did": served.did},
                )
                yield complete(self.clock, track, f"request {served.id}", "served", span, **args)

    def arrows(self, first: int) -> Iterator[Event]:
        """From when a request was sent to when a worker took it up; numbers begin with `first`."""
        until_s = end_of(self.trial)
        # By identity: rows that say the same may be in several tracks.
        workers = {
            id(served): Track(self._pid(1), tid)
            for tid, row in enumerate(worker_rows(self.trial), start=1)
            for served in row.served
        }
        number = first
        for tid, row in enumerate(rows(self.trial, until_s), start=LIFE + 1):
            for request in row.requests:
                served = request.server
                # An arrow that would point back in time is a fault of the clocks, and a check says so.
                if served is not None and served.end_s >= request.start_s:
                    sent_s = max(request.start_s, min(request.sent_s or request.start_s, served.start_s))
                    taken_s = max(sent_s, served.start_s)
                    start = Track(self._pid(0), tid), sent_s
                    yield from arrow(self.clock, number, start, (workers[id(served)], taken_s))
                    number += 1

    def states(self, trace: Trace) -> Iterator[Event]:
        pid = self._pid(2)
        yield from process(pid, f"{self.title}: states")
        for tid, lane in enumerate(trace.lanes, start=1):
            track = Track(pid, tid)
            yield from thread(track, f"{lane.kind} {lane.name} (process {lane.pid}, {lane.tid})")
            for span in lane.spans:
                within = (span.start_s, span.end_s)
                yield complete(self.clock, track, STATES[span.state], "state", within, derived=span.derived)
        track = Track(pid, len(trace.lanes) + 1)
        if trace.gaps:
            yield from thread(track, "the sampler")
        for gap in trace.gaps:
            yield complete(self.clock, track, "nobody watched", "gap", gap)


def _part(name: str, part: int) -> str:
    return name if part == 1 else f"{name}, {part}"
