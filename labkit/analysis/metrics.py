"""A trial's figures, each a pure function of its raw rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest

from labkit.analysis.statistics import covered, most_at_once, percentile
from labkit.model import RequestRow, ServerRow, Trial

# What a server says when it will not serve now: banned, too many requests, unavailable.
REFUSALS = frozenset({403, 429, 503})
NEVER_ENDED = "no answer when the trial ended"
# Every library has its own exceptions for the same few things; the first that fits an error's text names it.
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
    """Nearest-rank percentiles, in seconds, over the attempts that were answered: each from its own start to its end.

    What a request waited between two attempts is in none of them.
    """

    min: float
    p50: float
    p90: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True)
class Metrics:
    """What the table and the document show of a trial. `ok` + `failed` = the requests that were sent, each id once.

    `failed_by_cause` counts the failed ones by what ended their last attempt. Of all `attempts`, those `refused` had a
    status in `REFUSALS`, and those wasted brought no answer, or one more of what was there. `longest_quiet_s` is the
    longest time within the makespan in which no request was answered.

    `handling_s` is how much of the makespan handling the bodies took, where that costs processor time.
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
    """All figures of `trial`."""
    known, attempts, ok = bool(trial.samples), len(trial.requests), answered(trial)
    makespan_s, ideal_s = trial.makespan_s, trial.planned.ideal_s
    measured = makespan_s is not None and makespan_s > 0 and trial.outcome == "ok"
    return Metrics(
        ok=ok if known else None,
        failed=len({row.id for row in trial.requests}) - ok if known else None,
        failed_by_cause=failed_by_cause(trial.requests),
        attempts=attempts if known else None,
        wasted_attempts=attempts - ok if known else None,
        refused=sum(row.status in REFUSALS for row in trial.requests) if known else None,
        longest_quiet_s=_longest_quiet_s(trial) if known else None,
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


def answered(trial: Trial) -> int:
    """How many requests were answered, whatever number of attempts that took."""
    return len({row.id for row in trial.requests if row.answered})


def failed_by_cause(rows: Sequence[RequestRow]) -> dict[str, int]:
    """How many requests were never answered, by the cause of their last attempt: the most frequent cause first."""
    last = {row.id: row for row in sorted(rows, key=lambda row: (row.attempt, row.start_s))}
    failed = last.keys() - {row.id for row in rows if row.answered}
    counts = Counter(cause(row) for number, row in last.items() if number in failed)
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))


def cause(row: RequestRow) -> str:
    """Why an attempt brought no answer, in a few words: `CAUSES`, a status, or else the name of the exception."""
    if row.end_s is None:
        return NEVER_ENDED
    if row.error is None or (row.status is not None and row.status >= 400):
        return f"status {row.status}"
    named = (name for name, pattern in CAUSES.items() if pattern.search(row.error))
    return next(named, row.error.partition(":")[0].strip() or "unknown")


def handling_s(trial: Trial) -> float | None:
    """How long some body that had come was not known to be done with: seconds, None where bodies cost nothing.

    A body is at most handled from when it has come until its lane makes its next request, or the trial ends: where
    several are handled side by side, or some while others are on their way, that counts once. From the rows alone, it
    is an upper limit: what lanes that are done wait for the last answers is in it.
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
    return covered(spans)


def end_of(trial: Trial) -> float:
    """When the last thing happened that is known of `trial`, in seconds from the start signal."""
    known = [trial.makespan_s or 0.0]
    known += [row.end_s if row.end_s is not None else row.start_s for row in trial.requests]
    known += [row.end_s for row in served(trial)]
    if trial.outcome != "ok":  # it may have waited for long, and nothing happened
        known += [sample.t_s for sample in trial.samples]
    return max(known)


def served(trial: Trial) -> tuple[ServerRow, ...]:
    """All that the server logged of `trial`."""
    return (*(row.server for row in trial.requests if row.server is not None), *trial.unmatched)


def max_in_flight(trial: Trial) -> int | None:
    """The most requests that the client had open at once; one that never ended stays open."""
    if not trial.requests:
        return None
    forever = float("inf")
    return most_at_once((row.start_s, forever if row.end_s is None else row.end_s) for row in trial.requests)


def _server_max_in_flight(trial: Trial) -> int | None:
    rows = served(trial)
    return most_at_once((row.start_s, row.end_s) for row in rows) if rows else None


def _longest_quiet_s(trial: Trial) -> float:
    """Of a trial that did not end by itself, up to the last thing that is known of it."""
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
