"""The metrics of a trial, each a pure function of its raw rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest

from labkit.analysis.statistics import covered_time, most_at_once, percentile
from labkit.model import RequestRow, ServerRow, Trial

# The statuses of a refusal: banned, too many requests, unavailable.
REFUSALS = frozenset({403, 429, 503})
NEVER_ENDED = "no answer when the trial ended"
# Every library has its own exceptions for the same few causes; the first pattern that matches an error names it.
CAUSES = {
    "timeout": re.compile(r"time(d )?-?out|TooSlow", re.IGNORECASE),
    "connection refused": re.compile("refused", re.IGNORECASE),
    "connection reset": re.compile(
        "reset|disconnect|incomplete ?read|payload|broken ?pipe|aborted|peer closed|closed (after|connection)"
        "|connection was lost|(Read|Write)Error",
        re.IGNORECASE,
    ),
}


@dataclass(frozen=True, slots=True)
class Latency:
    """Nearest-rank percentiles of the answered attempts in seconds, each from its own start to its end.

    The wait between two attempts at a request is not part of any.
    """

    min: float
    p50: float
    p90: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True)
class Metrics:
    """The metrics of one trial. `ok` + `failed` = the sent requests, each id once.

    `failed_by_cause` counts the failed requests by the end of their last attempt. Of all `attempts`, those `refused`
    had a status in `REFUSALS`, and the wasted ones brought no answer or a second one. `longest_quiet_s` is the longest
    time within the makespan without an answer. `handling_s` is the part of the makespan in which bodies were handled,
    if that costs processor time.
    """

    ok: int | None
    failed: int | None
    failed_by_cause: dict[str, int]
    attempts: int | None
    wasted_attempts: int | None
    refused: int | None
    longest_quiet_s: float | None
    handling_s: float | None
    overhead_s: float | None
    efficiency: float | None
    latency_s: Latency | None
    max_in_flight: int | None
    server_max_in_flight: int | None
    threads_peak: int | None
    processes_peak: int | None
    cpu_s: float | None
    peak_memory_bytes: int | None


def trial_metrics(trial: Trial) -> Metrics:
    """Compute all metrics of `trial`."""
    sampled, attempts, ok = bool(trial.samples), len(trial.requests), count_answered(trial)
    makespan_s, ideal_s = trial.makespan_s, trial.planned.ideal_s
    measured = makespan_s is not None and makespan_s > 0 and trial.outcome == "ok"
    return Metrics(
        ok=ok if sampled else None,
        failed=len({row.id for row in trial.requests}) - ok if sampled else None,
        failed_by_cause=count_failures(trial.requests),
        attempts=attempts if sampled else None,
        wasted_attempts=attempts - ok if sampled else None,
        refused=sum(row.status in REFUSALS for row in trial.requests) if sampled else None,
        longest_quiet_s=_longest_quiet_s(trial) if sampled else None,
        handling_s=handling_s(trial),
        overhead_s=makespan_s - ideal_s if measured and makespan_s is not None else None,
        efficiency=ideal_s / makespan_s if measured and makespan_s is not None else None,
        latency_s=_latency(trial),
        max_in_flight=max_in_flight(trial),
        server_max_in_flight=_server_max_in_flight(trial),
        threads_peak=max((sample.threads for sample in trial.samples), default=None),
        processes_peak=max((sample.processes for sample in trial.samples), default=None),
        cpu_s=trial.cpu_s,
        peak_memory_bytes=max((s.memory_bytes for s in trial.samples if s.memory_bytes is not None), default=None),
    )


def count_answered(trial: Trial) -> int:
    """Count the answered requests, each once."""
    return len({row.id for row in trial.requests if row.answered})


def count_failures(rows: Sequence[RequestRow]) -> dict[str, int]:
    """Count the unanswered requests by the cause of their last attempt, the most frequent cause first."""
    last = {row.id: row for row in sorted(rows, key=lambda row: (row.attempt, row.start_s))}
    failed = last.keys() - {row.id for row in rows if row.answered}
    counts = Counter(failure_cause(row) for number, row in last.items() if number in failed)
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))


def failure_cause(row: RequestRow) -> str:
    """Name the cause of a failed attempt: one of `CAUSES`, a status, or else the name of the exception."""
    if row.end_s is None:
        return NEVER_ENDED
    if row.error is None or (row.status is not None and row.status >= 400):
        return f"status {row.status}"
    named = (name for name, pattern in CAUSES.items() if pattern.search(row.error))
    return next(named, row.error.partition(":")[0].strip() or "unknown")


def handling_s(trial: Trial) -> float | None:
    """Estimate the time in which at least one received body was being handled; None if bodies cost nothing.

    A body is handled from its arrival until its lane makes the next request, or the trial ends. Overlapping times count
    once. The rows allow an upper bound only: a finished lane's wait for the last answers is included.
    """
    if not trial.planned.point.load.handle_s or trial.makespan_s is None:
        return None
    lanes: dict[tuple[int, str], list[RequestRow]] = {}
    for row in sorted(trial.requests, key=lambda row: row.start_s):
        lanes.setdefault((row.pid, row.lane), []).append(row)
    spans = [
        (row.end_s, trial.makespan_s if after is None else after.start_s)
        for lane in lanes.values()
        for row, after in zip_longest(lane, lane[1:])
        if row.answered and row.end_s is not None
    ]
    return covered_time(spans)


def end_of(trial: Trial) -> float:
    """Return the time of the last known event of `trial`, in seconds from the start signal."""
    known = [trial.makespan_s or 0.0]
    known += [row.end_s if row.end_s is not None else row.start_s for row in trial.requests]
    known += [row.end_s for row in served(trial)]
    if trial.outcome != "ok":  # it may have waited long without an event
        known += [sample.t_s for sample in trial.samples]
    return max(known)


def served(trial: Trial) -> tuple[ServerRow, ...]:
    """Return all rows of the server's log for `trial`."""
    return (*(row.server for row in trial.requests if row.server is not None), *trial.unmatched)


def max_in_flight(trial: Trial) -> int | None:
    """Return the most requests that the client had open at once; one that never ended stays open."""
    if not trial.requests:
        return None
    forever = float("inf")
    return most_at_once((row.start_s, forever if row.end_s is None else row.end_s) for row in trial.requests)


def _server_max_in_flight(trial: Trial) -> int | None:
    rows = served(trial)
    return most_at_once((row.start_s, row.end_s) for row in rows) if rows else None


def _longest_quiet_s(trial: Trial) -> float:
    """The longest time without an answer; in a trial without a makespan, up to its last known event."""
    until_s = end_of(trial) if trial.makespan_s is None else trial.makespan_s
    answers = (row.end_s for row in trial.requests if row.answered and row.end_s is not None)
    moments = sorted([0.0, until_s, *(min(max(moment_s, 0.0), until_s) for moment_s in answers)])
    return max(later - earlier for earlier, later in pairwise(moments))


def _latency(trial: Trial) -> Latency | None:
    latencies = [row.latency_s for row in trial.requests if row.answered and row.latency_s is not None]
    if not latencies:
        return None
    p50, p90, p99 = (percentile(latencies, percent) for percent in (50, 90, 99))
    return Latency(min(latencies), p50, p90, p99, max(latencies))
