"""Whether two tools that share no measuring code agree: `asyncio_semaphore` by the harness, Locust by itself.

Both make the same requests to the same server with the same limit, so their latencies should be the same. Where they
are not, the server's own log says which of the two it supports. Pure functions of the raw rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from labkit.analysis.statistics import percentile
from labkit.model import BASELINE, Comparison, GridPoint, Trial

COUNTERPART = "asyncio_semaphore"
SHARE, SLACK_S = 0.02, 0.005
FIGURES: dict[Literal["median", "p99"], int] = {"median": 50, "p99": 99}

Supported = Literal["both", "neither", "asyncio_semaphore", "locust"]


@dataclass(frozen=True, slots=True)
class Told:
    """A latency in seconds: as the client told it, and as the server's log lets one expect it."""

    client_s: float
    server_s: float

    @property
    def supported(self) -> bool:
        return close(self.client_s, self.server_s)


@dataclass(frozen=True, slots=True)
class Agreement:
    """One figure at one grid point, over all requests of all trials there. `supported` is whom the log supports."""

    point: GridPoint
    figure: Literal["median", "p99"]
    counterpart: Told
    baseline: Told

    @property
    def ok(self) -> bool:
        return close(self.counterpart.client_s, self.baseline.client_s)

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


def agreements(comparison: Comparison) -> tuple[Agreement, ...]:
    """A row per grid point and figure, where both were measured at that point."""
    found = []
    for point in comparison.plan.points:
        pair = [_trials(comparison, name, point) for name in (COUNTERPART, BASELINE)]
        if all(pair):
            for figure, percent in FIGURES.items():
                found.append(Agreement(point, figure, *(_told(trials, percent) for trials in pair)))
    return tuple(found)


def close(one_s: float, other_s: float) -> bool:
    """Whether two latencies are the same, but for 2 % and 5 ms: what timers and scheduling move."""
    return abs(one_s - other_s) <= SHARE * max(one_s, other_s) + SLACK_S


def expected_latencies(trial: Trial) -> list[float]:
    """The latency of each request as the server's log alone tells it, in the order of the answers; seconds.

    With `bound` requests kept in flight, the k-th answer is to a request that was sent when the (k − bound)-th answer
    had come; the first ones were sent when the server began with the first. Exact for answers in the order of sending.
    """
    rows = [row.server for row in trial.requests if row.server is not None]
    ends = sorted(row.end_s for row in rows)
    first_s = min((row.start_s for row in rows), default=0.0)
    bound = trial.planned.bound
    return [end_s - (ends[number - bound] if number >= bound else first_s) for number, end_s in enumerate(ends)]


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


def _told(trials: Sequence[Trial], percent: int) -> Told:
    def over(values: Callable[[Trial], list[float]]) -> float:
        return percentile([value for trial in trials for value in values(trial)], percent)

    return Told(over(_latencies), over(expected_latencies))


def _latencies(trial: Trial) -> list[float]:
    return [row.latency_s for row in trial.requests if row.latency_s is not None]
