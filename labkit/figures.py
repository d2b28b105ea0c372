"""A trial's figures, each a pure function of its raw rows."""

from __future__ import annotations

from dataclasses import dataclass

from labkit.model import Trial
from labkit.statistics import most_at_once, percentile


@dataclass(frozen=True, slots=True)
class Latency:
    """Nearest-rank percentiles of the answered requests' latencies, in seconds."""

    min: float
    p50: float
    p90: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What the table and the document show of a trial. `ok` + `failed` = the requests that were sent."""

    ok: int | None
    failed: int | None
    overhead_s: float | None
    efficiency: float | None
    latency: Latency | None
    max_in_flight: int | None
    server_max_in_flight: int | None
    threads_peak: int | None
    processes_peak: int | None
    cpu_s: float | None
    peak_memory_bytes: int | None


def figures(trial: Trial) -> Figures:
    """All figures of `trial`."""
    ok = sum(row.answered for row in trial.requests) if trial.samples else None
    makespan_s, ideal_s = trial.makespan_s, trial.planned.ideal_s
    measured = makespan_s is not None and makespan_s > 0 and trial.outcome == "ok"
    return Figures(
        ok=ok,
        failed=len(trial.requests) - ok if ok is not None else None,
        overhead_s=makespan_s - ideal_s if measured and makespan_s is not None else None,
        efficiency=ideal_s / makespan_s if measured and makespan_s is not None else None,
        latency=_latency(trial),
        max_in_flight=max_in_flight(trial),
        server_max_in_flight=_server_max_in_flight(trial),
        threads_peak=max((sample.threads for sample in trial.samples), default=None),
        processes_peak=max((sample.processes for sample in trial.samples), default=None),
        cpu_s=trial.cpu_s,
        peak_memory_bytes=max((s.memory_bytes for s in trial.samples if s.memory_bytes is not None), default=None),
    )


def max_in_flight(trial: Trial) -> int | None:
    """The most requests that the client had open at once; one that never ended stays open."""
    if not trial.requests:
        return None
    forever = float("inf")
    return most_at_once((row.start_s, forever if row.end_s is None else row.end_s) for row in trial.requests)


def _server_max_in_flight(trial: Trial) -> int | None:
    rows = [row.server for row in trial.requests if row.server is not None] + list(trial.unmatched)
    return most_at_once((row.start_s, row.end_s) for row in rows) if rows else None


def _latency(trial: Trial) -> Latency | None:
    latencies = [row.latency_s for row in trial.requests if row.answered and row.latency_s is not None]
    if not latencies:
        return None
    p50, p90, p99 = (percentile(latencies, percent) for percent in (50, 90, 99))
    return Latency(min(latencies), p50, p90, p99, max(latencies))
