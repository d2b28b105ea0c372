"""The timelines in the Trace Event format, for Perfetto and chrome://tracing.

Each trial has up to three groups of tracks: the client with one track per lane, the server with one per worker, and,
for a traced trial, the states of its threads and tasks. All start signals are at the same moment.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import BinaryIO

from labkit.analysis.analyse import Analysis
from labkit.analysis.metrics import end_of
from labkit.model import STATES, Comparison, RequestRow, ServerRow, Trace, Trial
from labkit.output.format import format_grid_point
from labkit.reports.timeline.lanes import STAGES, Row, client_rows, phases, worker_rows
from labkit.reports.timeline.trace_events import Clock, Event, Track, arrow, complete, counter, instant, process, thread

FILE: str | None = "trace.json"
# The first track of a client holds the trial as a whole. Track 0 is reserved: Perfetto takes it for the idle thread.
TRIAL_TRACK = 1
REQUEST_ARGS = ("id", "attempt", "status", "bytes", "error", "latency_s")


def write(analysis: Analysis, to: BinaryIO) -> None:
    """Write one JSON object."""
    comparison = analysis.comparison
    whole = {
        "traceEvents": list(events(comparison)),
        "displayTimeUnit": "ms",
        "otherData": {"id": comparison.id, "started_at": comparison.started_at, "command": comparison.command},
    }
    to.write(json.dumps(whole, allow_nan=False).encode())


def events(comparison: Comparison) -> Iterator[Event]:
    """All events, trials in the order in which they ran. A bar comes before the bars inside it and arrows to it."""
    trials = sorted((checked.trial for checked in comparison.trials), key=lambda trial: trial.planned.order)
    before = [0.0, *(trial.cold_start_s or 0.0 for trial in trials)]
    before += [-sample.t_s for trial in trials for sample in trial.samples[:1]]
    before += [-row.start_s for trial in trials for row in trial.unmatched]
    clock = Clock(float(ceil(max(before))))
    arrows = 0
    for trial in trials:
        until_s = end_of(trial)
        rows = client_rows(trial, until_s), worker_rows(trial)
        tracks = _TrialTracks(trial, clock, _title(comparison, trial), until_s, *rows)
        yield from tracks.client()
        yield from tracks.server()
        yield from tracks.arrows(arrows)
        arrows += len(trial.requests)
        if trial.trace is not None:
            yield from tracks.states(trial.trace)


def _title(comparison: Comparison, trial: Trial) -> str:
    """A title that no other trial of the comparison has."""
    planned, others = trial.planned, comparison.plan.trials
    parts = [f"{planned.order}. {planned.approach}"]
    if planned.traced:
        parts.append("traced")
    if len({other.repeat for other in others}) > 1:
        parts.append(f"repeat {planned.repeat}")
    if len({other.point for other in others}) > 1:
        parts.append(format_grid_point(planned.point))
    return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class _TrialTracks:
    """The events of one trial, which ends at `until_s`."""

    trial: Trial
    clock: Clock
    title: str
    until_s: float
    lanes: list[Row[RequestRow]]
    workers: list[Row[ServerRow]]

    def _pid(self, group: int) -> int:
        return self.trial.planned.order * 10 + group

    def client(self) -> Iterator[Event]:
        pid = self._pid(0)
        yield from process(pid, f"{self.title}: client")
        yield from self._whole(Track(pid, TRIAL_TRACK))
        for tid, row in enumerate(self.lanes, start=TRIAL_TRACK + 1):
            track = Track(pid, tid)
            yield from thread(track, row.title)
            for request in row.bars:
                yield from self._request(track, request)
        yield from self._counters(pid)

    def _request(self, track: Track, request: RequestRow) -> Iterator[Event]:
        """A bar for the request, and inside it one per phase."""
        end_s = request.end_s if request.end_s is not None else max(self.until_s, request.start_s)
        args = {name: getattr(request, name) for name in REQUEST_ARGS}
        args["worker"] = request.server.worker if request.server else None
        span = (request.start_s, end_s)
        yield complete(self.clock, track, f"request {request.id}", "request", span, **args)
        for phase in phases(request, self.until_s):
            yield complete(self.clock, track, STAGES[phase.stage], "phase", (phase.start_s, phase.end_s))

    def _whole(self, track: Track) -> Iterator[Event]:
        """Cold start, start signal and makespan."""
        trial = self.trial
        yield from thread(track, "trial")
        if trial.cold_start_s:
            yield complete(self.clock, track, "cold start", "trial", (-trial.cold_start_s, 0.0))
        yield instant(self.clock, track, "start signal", 0.0)
        if trial.makespan_s:
            args = {"makespan_s": trial.makespan_s, "ideal_s": trial.planned.ideal_s, "outcome": trial.outcome}
            yield complete(self.clock, track, "makespan", "trial", (0.0, trial.makespan_s), **args)

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
        for tid, row in enumerate(self.workers, start=1):
            track = Track(pid, tid)
            yield from thread(track, row.title)
            for served in row.bars:
                span = (served.start_s, served.end_s)
                args = {"id": served.id, "status": served.status, "did": served.did}
                yield complete(self.clock, track, f"request {served.id}", "served", span, **args)

    def arrows(self, first: int) -> Iterator[Event]:
        """One arrow per request, from its sending to the start of its service, numbered from `first`."""
        # By identity: equal rows may be in several tracks.
        workers = {
            id(served): Track(self._pid(1), tid) for tid, row in enumerate(self.workers, start=1) for served in row.bars
        }
        number = first
        for tid, row in enumerate(self.lanes, start=TRIAL_TRACK + 1):
            for request in row.bars:
                served = request.server
                # Clocks that disagree could make an arrow point back in time; a check reports that.
                if served is not None and served.end_s >= request.start_s:
                    sent_s = max(request.start_s, min(request.sent_s or request.start_s, served.start_s))
                    start = Track(self._pid(0), tid), sent_s
                    yield from arrow(self.clock, number, start, (workers[id(served)], max(sent_s, served.start_s)))
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
            yield complete(self.clock, track, "not sampled", "gap", gap)
