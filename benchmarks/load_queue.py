"""Waits under an open load of 2 Poisson arrivals per second, beside the queue M/D/3.

The load lasts 300 s and goes to 3 sync workers with 1 s delay on this machine. The wait of a request is its response
time from the intended start, less the delay: the time in the queue and the cost of HTTP. It comes from the load's
rows and is compared with a simulation (`support/deterministic_queue.py`):

1. With the same arrivals (`loadtest/schedule.py`, same seed), request by request. A worker's own time per request
   beside the delay makes the difference; it adds up as long as no worker is idle.
2. With 2,000 simulated loads of the same length and other seeds. The bound is on the share of them whose mean wait is
   shorter than the measured one: it must lie in the middle 95 %.

The simulation serves requests in the order of their arrival. A sync worker takes one connection at a time; the others
wait in the kernel's backlog, which hands them out in that order. The backlog holds 2048 connections, far more than
ever wait at two thirds of the capacity. The load generator has 1,000 users, so no request waits for a user.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from statistics import fmean

from benchmarks.support import loads
from benchmarks.support.deterministic_queue import waits
from benchmarks.support.lab import failed_checks
from benchmarks.support.model import MEASURED, BenchmarkError, Bound, Column, Figure, Report, Row, Table, median_of
from labkit.analysis.statistics import percentile
from loadtest.schedule import offsets

TITLE = "Waits under an open load"
NEEDS = ()
PARTS_NEED = ()
_MEAN, _SAME, _SHARE = "mean wait", "mean wait, same arrivals simulated", "simulated loads with a shorter mean wait"
_OTHERS = {percent: f"mean wait, other arrivals simulated: {percent:g} %" for percent in (2.5, 50.0, 97.5)}
_LESS, _P99 = "measured less simulated, per request: median", "measured less simulated, per request: p99"
TABLES = (
    Table(
        "figure",
        (Column(MEASURED),),
        (
            Row("arrivals", "count"),
            Row("arrivals that began late", "count"),
            Row("arrivals that wait in the simulation", "count"),
            Row(_MEAN, "s"),
            Row(_SAME, "s"),
            *(Row(name, "s") for name in _OTHERS.values()),
            Row(_SHARE, "%", Bound(at_least=2.5, at_most=97.5)),
            Row(_LESS, "ms"),
            Row(_P99, "ms"),
        ),
    ),
)
RATE_PER_S, WORKERS, DELAY_S, SEED = 2.0, 3, 1.0, 1
SAME_S = 1e-6  # the rows round the schedule's times to a nanosecond


@dataclass(frozen=True, slots=True)
class Size:
    duration_s: float
    simulated: int


FULL = Size(duration_s=300.0, simulated=2000)
SMOKE = Size(duration_s=2.0, simulated=20)


def run(size: Size) -> Report:
    with loads.load(
        *("--rate", str(RATE_PER_S), "--arrivals", "poisson", "--seed", str(SEED), "--duration", str(size.duration_s)),
        *("--workers", str(WORKERS), "--worker-class", "sync", "--delay", str(DELAY_S)),
    ) as run:
        arrivals = _arrivals(size.duration_s, SEED)
        measured, document = _waits(loads.rows(run), arrivals), run.document
    simulated = list(waits(arrivals, DELAY_S, WORKERS))
    differences_ms = [1e3 * (one - other) for one, other in zip(measured, simulated, strict=True)]
    seeds = range(SEED + 1, SEED + 1 + size.simulated)
    means = [fmean(waits(_arrivals(size.duration_s, seed), DELAY_S, WORKERS)) for seed in seeds]
    values: dict[str, float] = {
        "arrivals": len(arrivals),
        "arrivals that began late": document["trials"][0]["late"],
        "arrivals that wait in the simulation": sum(map(bool, simulated)),
        _MEAN: fmean(measured),
        _SAME: fmean(simulated),
        **{name: percentile(means, percent) for percent, name in _OTHERS.items()},
        _SHARE: 100 * sum(mean < fmean(measured) for mean in means) / len(means),
        _P99: percentile(differences_ms, 99),
    }
    figures = [Figure(name, MEASURED, value) for name, value in values.items()]
    return Report((*figures, median_of(_LESS, MEASURED, differences_ms)), tuple(failed_checks(document["trials"])))


def _waits(rows: list[dict[str, str]], arrivals: list[float]) -> list[float]:
    """The seconds that each request waited beyond its delay. Raises `BenchmarkError` for other arrivals."""
    due = [float(row["due_s"]) for row in rows]
    if len(due) != len(arrivals) or any(abs(one - other) >= SAME_S for one, other in zip(due, arrivals, strict=True)):
        raise BenchmarkError(f"the load did not follow the schedule of {len(arrivals)} arrivals")
    if any(row["status"] != "200" for row in rows):
        raise BenchmarkError("a request of the load failed")
    return [float(row["end_s"]) - due_s - DELAY_S for row, due_s in zip(rows, due, strict=True)]


def _arrivals(duration_s: float, seed: int) -> list[float]:
    """The seconds from the start at which the load generator's requests are due."""
    return list(takewhile(lambda offset_s: offset_s < duration_s, offsets(RATE_PER_S, "poisson", seed)))
