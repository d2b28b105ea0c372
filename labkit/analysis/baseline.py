"""Agreement of two tools that share no measuring code: `asyncio_semaphore` with the harness, and Locust with its own.

Both make the same requests to the same server with the same limit, so their latencies should be equal. Where they
differ, the server's own log shows which of the two it supports. Pure functions of the raw rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from labkit.analysis.statistics import percentile
from labkit.model import BASELINE, Comparison, GridPoint, Trial

COUNTERPART = "asyncio_semaphore"
# Timers and scheduling move latencies by this much.
TOLERANCE, SLACK_S = 0.02, 0.005
FIGURES: dict[Literal["median", "p99"], int] = {"median": 50, "p99": 99}

Supported = Literal["both", "neither", "asyncio_semaphore", "locust"]


@dataclass(frozen=True, slots=True)
class Latencies:
    """One latency in seconds, as the client measured it and as the server's log predicts it."""

    client_s: float
    server_s: float

    @property
    def supported(self) -> bool:
        return is_close(self.client_s, self.server_s)


@dataclass(frozen=True, slots=True)
class Agreement:
    """One figure at one grid point, over all requests of all trials there. `supported` is the log's verdict."""

    point: GridPoint
    figure: Literal["median", "p99"]
    counterpart: Latencies
    baseline: Latencies

    @property
    def ok(self) -> bool:
        return is_close(self.counterpart.client_s, self.baseline.client_s)

    @property
    def supported(self) -> Supported:
        match self.counterpart.supported, self.baseline.supported:
            case True, True:
                return "both"
            case True, False:
                return "asyncio_semaphore"
            case False, True:
                return "locust"
        return "neither"


def compare_with_baseline(comparison: Comparison) -> tuple[Agreement, ...]:
    """Return one agreement per figure at each grid point where both tools did the same work.

    Locust handles no bodies: where that costs time, their latencies differ rightly.
    """
    agreements = []
    for point in comparison.plan.points:
        if point.load.handle_s:
            continue
        pair = [_trials(comparison, name, point) for name in (COUNTERPART, BASELINE)]
        if all(pair):
            for figure, percent in FIGURES.items():
                agreements.append(Agreement(point, figure, *(_latencies(trials, percent) for trials in pair)))
    return tuple(agreements)


def is_close(one_s: float, other_s: float) -> bool:
    """Return True if two latencies differ by at most 2 % and 5 ms."""
    return abs(one_s - other_s) <= TOLERANCE * max(one_s, other_s) + SLACK_S


def expected_latencies(trial: Trial) -> list[float]:
    """Derive each request's latency from the server's log alone: seconds, in the order in which they were served.

    With `bound` requests kept in flight, the k-th request was sent after the (k − bound)-th answer; the first ones were
    sent when the server began with the first. Exact for a server that serves first the request that was sent first.
    """
    rows = sorted((row.server for row in trial.requests if row.server is not None), key=lambda row: row.start_s)
    ends = sorted(row.end_s for row in rows)
    bound = trial.planned.bound
    return [
        row.end_s - (ends[number - bound] if number >= bound else rows[0].start_s) for number, row in enumerate(rows)
    ]


def _trials(comparison: Comparison, name: str, point: GridPoint) -> list[Trial]:
    return [
        checked.trial
        for checked in comparison.trials
        if checked.trial.planned.approach == name
        and checked.trial.planned.point == point
        and not checked.trial.planned.traced
        and checked.trial.outcome == "ok"
        and all(row.answered and row.server is not None for row in checked.trial.requests)
    ]


def _latencies(trials: Sequence[Trial], percent: int) -> Latencies:
    def over_all(latencies_s: Callable[[Trial], list[float]]) -> float:
        return percentile([latency_s for trial in trials for latency_s in latencies_s(trial)], percent)

    return Latencies(over_all(_measured_latencies), over_all(expected_latencies))


def _measured_latencies(trial: Trial) -> list[float]:
    return [row.latency_s for row in trial.requests if row.latency_s is not None]
