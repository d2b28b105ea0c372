"""Approaches that handle faults, in each scenario with faults; and processor work per body.

A makespan ÷ ideal is the median of 3 trials, which `lab.py compare` interleaves; every other figure is that of the
worst trial. The column "naive" has the worst trial of sync, threads, asyncio_gather and process_pool.

- `rate-limit`: 50 requests, 5 per second allowed. A late refusal is a 403, 429 or 503 to an attempt that began after
  the first second. asyncio_adaptive finds the rate by being refused, so its bound on the makespan is wider and it has
  none on refusals.
- `timeouts`: 30 requests with 1 s delay, 3 of which never get an answer. A cause is the exception that stands in a
  missing body's place. The makespan depends on the position of the requests that hang: if one begins last, the end
  waits for its timeout alone.
- `flaky`: 300 requests; one attempt in five fails. A thread that waits before its next attempt is one of the `limit`
  threads; a waiting task of asyncio_robust leaves its place to others. asyncio_adaptive slows down at each 503.
- `crash` and `restart`: 30 requests. aiohttp itself sends a GET again if the connection ends without an answer.
- `cpu`: 8 requests to 8 workers, with 50 ms of pure Python per body. The handling part runs from the first answer to
  the end of the trial.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.support import needs
from benchmarks.support.lab import compare, failed_checks
from benchmarks.support.model import Bound, Column, Figure, Report, Row, Table, median_of

TITLE = "Approaches under faults"
NEEDS = ()
PARTS_NEED = ("Docker",)
ROBUST = ("thread_pool_robust", "asyncio_robust", "asyncio_adaptive")
NAIVE = ("sync", "threads", "asyncio_gather", "process_pool")
ADAPTIVE, WORST_NAIVE = "asyncio_adaptive", "naive"
ENDING = ("crash", "restart")  # the scenarios in which connections end without an answer
HANDLING = ("threads", "process_pool")
REFUSALS = {403, 429, 503}
_COLUMNS = tuple(map(Column, (*ROBUST, WORST_NAIVE)))
_NONE = Bound(at_most=0)
_ROWS = (
    Row("`rate-limit`: answered", "count", Bound(at_least=50)),
    Row("`rate-limit`: makespan ÷ ideal", bound=Bound(at_most=1.10)),
    Row("`rate-limit`: makespan ÷ ideal, adaptive", bound=Bound(at_most=1.25)),
    Row("`rate-limit`: late refusals", "count", _NONE),
    Row("`rate-limit`: late refusals, adaptive", "count"),
    Row("`timeouts`: answered", "count", Bound(at_least=27)),
    Row("`timeouts`: causes", "count", Bound(at_least=3)),
    Row("`timeouts`: makespan ÷ ideal", bound=Bound(at_most=1.10)),
    Row("`flaky`: answered", "count", Bound(at_least=300)),
    Row("`flaky`: makespan ÷ ideal"),
    *(
        row
        for scenario in ENDING
        for row in (
            Row(f"`{scenario}`: answered", "count", Bound(at_least=30)),
            Row(f"`{scenario}`: makespan ÷ ideal"),
            Row(f"`{scenario}`: attempts without an end", "count", _NONE),
            Row(f"`{scenario}`: longest attempt", "s", Bound(at_most=10.0)),
        )
    ),
)
_THREADS, _PROCESSES, _RATIO = "handling part, threads", "handling part, process_pool", "threads ÷ process_pool"
TABLES = (
    *(Table("figure", _COLUMNS, _ROWS, runtime) for runtime in ("local", "docker")),
    Table(
        "figure",
        (Column("local"), Column("docker")),
        (Row(_THREADS, "s"), Row(_PROCESSES, "s"), Row(_RATIO, bound=Bound(at_least=1.6))),
        "cpu",
    ),
)
Trials = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Size:
    repeats: int
    requests: dict[str, int]
    timeouts_delay_s: float
    robust: tuple[str, ...]
    naive: tuple[str, ...]
    runtimes: tuple[str, ...]


FULL = Size(
    repeats=3,
    requests={"rate-limit": 50, "timeouts": 30, "flaky": 300, "crash": 30, "restart": 30},
    timeouts_delay_s=1.0,
    robust=ROBUST,
    naive=NAIVE,
    runtimes=("local", "docker"),
)
SMOKE = Size(
    repeats=1,
    requests={"rate-limit": 3, "timeouts": 10, "crash": 5},
    timeouts_delay_s=0.05,
    robust=("asyncio_adaptive",),
    naive=("threads",),
    runtimes=("local",),
)


def run(size: Size) -> Report:
    figures: list[Figure] = []
    runtimes, notes = needs.runtimes(size.runtimes)
    for runtime in runtimes:
        for scenario in size.requests:
            trials = _fault_trials(runtime, scenario, size)
            for name in size.robust:
                figures += _fault_figures(runtime, scenario, name, trials[name])
            if scenario in ENDING:
                naive = [trial for name in size.naive for trial in trials[name]]
                figures += _ends(runtime, scenario, WORST_NAIVE, naive)
            robust = [trial for name in size.robust for trial in trials[name]]
            notes += tuple(failed_checks(robust, f"{runtime}: {scenario}: "))
        trials = _trials(runtime, "cpu", size.repeats, *HANDLING, "--workers", "8")
        figures += _handling(runtime, trials)
        notes += tuple(failed_checks([each for name in HANDLING for each in trials[name]], f"{runtime}: cpu: "))
    return Report(tuple(figures), notes)


def _fault_trials(runtime: str, scenario: str, size: Size) -> dict[str, Trials]:
    names = (*size.robust, *size.naive) if scenario in ENDING else size.robust
    delay = ("--delay", str(size.timeouts_delay_s)) if scenario == "timeouts" else ()
    return _trials(runtime, scenario, size.repeats, *names, "--requests", str(size.requests[scenario]), *delay)


def _trials(runtime: str, scenario: str, repeats: int, *arguments: str) -> dict[str, Trials]:
    """The trials of one comparison, by approach."""
    how = ("--scenario", scenario, "--repeat", str(repeats), "--runtime", runtime)
    trials: dict[str, Trials] = {}
    for trial in compare(*arguments, *how).document["trials"]:
        trials.setdefault(trial["approach"], []).append(trial)
    return trials


def _fault_figures(runtime: str, scenario: str, name: str, trials: Trials) -> Iterator[Figure]:
    """The figures of one approach that handles faults."""

    def worst(what: str, choose: Callable[[list[int]], int], count: Callable[[dict[str, Any]], int]) -> Figure:
        return Figure(f"`{scenario}`: {what}", name, choose([count(trial) for trial in trials]), table=runtime)

    adaptive = ", adaptive" if (scenario, name) == ("rate-limit", ADAPTIVE) else ""
    yield worst("answered", min, lambda trial: int(trial["ok"]))
    ratios = [trial["makespan_s"] / trial["ideal_s"] for trial in trials if trial["makespan_s"] is not None]
    yield median_of(f"`{scenario}`: makespan ÷ ideal{adaptive}", name, ratios, runtime)
    if scenario == "rate-limit":
        yield worst(f"late refusals{adaptive}", max, _late_refusals)
    elif scenario == "timeouts":
        yield worst("causes", min, lambda trial: sum(cause is not None for cause in trial["causes"] or ()))
    elif scenario in ENDING:
        yield from _ends(runtime, scenario, name, trials)


def _ends(runtime: str, scenario: str, column: str, trials: Trials) -> Iterator[Figure]:
    """The ends of attempts, including those of failed trials."""
    unended = max(sum(row["end_s"] is None for row in trial["requests"]) for trial in trials)
    attempts_s = [r["end_s"] - r["start_s"] for trial in trials for r in trial["requests"] if r["end_s"] is not None]
    yield Figure(f"`{scenario}`: attempts without an end", column, unended, table=runtime)
    yield Figure(f"`{scenario}`: longest attempt", column, max(attempts_s, default=None), table=runtime)


def _late_refusals(trial: dict[str, Any]) -> int:
    return sum(row["status"] in REFUSALS and row["start_s"] > 1.0 for row in trial["requests"])


def _handling(runtime: str, trials: dict[str, Trials]) -> Iterator[Figure]:
    parts = {
        name: [trial["makespan_s"] - min(row["end_s"] for row in trial["requests"]) for trial in trials[name]]
        for name in HANDLING
    }
    yield median_of(_THREADS, runtime, parts["threads"], "cpu")
    yield median_of(_PROCESSES, runtime, parts["process_pool"], "cpu")
    yield Figure(_RATIO, runtime, median(parts["threads"]) / median(parts["process_pool"]), table="cpu")
