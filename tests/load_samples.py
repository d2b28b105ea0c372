"""Realistic loads for tests. A test changes what it is about with keywords, which go to `dataclasses.replace`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from labkit.model import Check, Notice, ServerConfig
from labkit.model.load import (
    Closed,
    Counts,
    Knee,
    LoadPlan,
    LoadRun,
    LoadTrial,
    Now,
    Open,
    Percentiles,
    Second,
    Verdict,
)
from tests.samples import ENVIRONMENT

HOSTILE = "\x1b[31mred\x1b]0;title\x07 [bold]x[/bold] a|b <b>`c` \u202eevil\nnext"
GOOD_CHECKS = (Check("accounted", ok=True, detail="all 60 arrivals"), Check("server_log", ok=None, detail="no log"))


def closed_plan(**changes: Any) -> LoadPlan:
    """500 users for a minute against gevent workers, which set no bound."""
    plan = LoadPlan(1, ServerConfig(2, "gevent", 1, 0.1), Closed(500, 100.0), 60.0, None, 2, 30.0)
    return replace(plan, **changes)


def open_plan(rate: float = 2.0, **changes: Any) -> LoadPlan:
    """Poisson arrivals against 3 workers × 1 s, which answer 3 a second at most."""
    shape = Open(rate, "poisson", 1, 1000)
    return replace(LoadPlan(1, ServerConfig(3, "sync", 1, 1.0), shape, 30.0, None, 1, 30.0), **changes)


def closed_trial(**changes: Any) -> LoadTrial:
    """As many answers as 500 users get with 0.1 s each, some of them errors."""
    trial = LoadTrial(
        plan=closed_plan(),
        outcome="ok",
        error=None,
        python="3.14.0",
        cold_start_s=0.61,
        makespan_s=60.187,
        counts=Counts(arrivals=48213, begun=48213, ok=48201, failed=12),
        latency=Percentiles(0.1012, 0.6203, 0.6051, 0.8123, 1.2034, 1.9056),
        response=None,
        percentiles="exact",
        throughput_per_s=800.87,
        max_in_flight=500,
        server_max_in_flight=498,
        threads_peak=2,
        processes_peak=3,
        cpu_s=71.42,
        peak_memory_bytes=183_000_000,
        errors=(("status 500", 9), ("connection reset", 3)),
        seconds=_seconds(60, 800, 0.6),
        checks=GOOD_CHECKS,
    )
    return replace(trial, **changes)


def open_trial(rate: float = 2.0, **changes: Any) -> LoadTrial:
    """An open load that the workers can serve."""
    arrivals = round(rate * 30)
    waited = Percentiles(1.0021, 1.0812, 1.0034, 1.3415, 1.9126, 1.9716)
    trial = LoadTrial(
        plan=open_plan(rate),
        outcome="ok",
        error=None,
        python="3.14.0",
        cold_start_s=0.61,
        makespan_s=31.02,
        counts=Counts(arrivals=arrivals, begun=arrivals, ok=arrivals, late=0),
        latency=waited,
        response=replace(waited, max=1.9727),
        percentiles="exact",
        throughput_per_s=arrivals / 31.02,
        max_in_flight=5,
        server_max_in_flight=3,
        threads_peak=1,
        processes_peak=1,
        cpu_s=0.43,
        peak_memory_bytes=64_000_000,
        errors=(),
        seconds=_seconds(32, round(rate), 1.0),
        checks=GOOD_CHECKS,
    )
    return replace(trial, **changes)


def overloaded_trial(rate: float = 5.0, **changes: Any) -> LoadTrial:
    """More arrivals than the workers can serve, and too few users: what users wait is not what requests take."""
    overloaded: dict[str, Any] = {
        "plan": open_plan(rate, shape=Open(rate, "poisson", 1, 10)),
        "counts": Counts(arrivals=150, begun=114, ok=104, failed=0, unfinished=10, not_begun=36, late=139),
        "latency": Percentiles(1.0031, 3.1022, 3.3345, 3.3412, 3.3528, 3.3639),
        "response": Percentiles(1.0044, 9.8713, 9.5127, 17.2235, 18.9046, 19.1157),
        "throughput_per_s": 2.94,
        "max_in_flight": 10,
        "seconds": tuple(replace(second, p99_s=1.0 + second.t_s * 0.1) for second in _seconds(34, 3, 1.0)),
    }
    return open_trial(rate, **overloaded | changes)


def crashed_trial(**changes: Any) -> LoadTrial:
    """A load whose generator died before anything was measured."""
    nothing: dict[str, Any] = dict.fromkeys(
        (
            "python",
            "cold_start_s",
            "makespan_s",
            "latency",
            "response",
            "throughput_per_s",
            "max_in_flight",
            "server_max_in_flight",
            "threads_peak",
            "processes_peak",
            "cpu_s",
            "peak_memory_bytes",
        )
    )
    crashed: dict[str, Any] = {
        "outcome": "crashed",
        "error": "the generator was killed by SIGKILL",
        "counts": Counts(),
        "seconds": (),
        "checks": (Check("accounted", ok=False, detail="no end"), Check("server_log", ok=None, detail="no log")),
        "last_lines": ("spawning users", "Killed"),
    }
    return open_trial(**nothing | crashed | changes)


def load_run(*trials: LoadTrial, **changes: Any) -> LoadRun:
    """The whole of one `lab.py load`, with one open load unless others are given."""
    run = LoadRun(
        id="20261122-120000-a1b2",
        started_at="2026-11-22T12:00:00Z",
        command="lab.py load",
        seed=1,
        environment=ENVIRONMENT,
        trials=trials or (open_trial(),),
        verdicts=(),
        stopped=None,
        knee=None,
        notices=(),
    )
    return replace(run, **changes)


def search(**changes: Any) -> LoadRun:
    """A search for the limit: four steps, of which the last was too much."""
    steps = [open_trial(rate) for rate in (1.0, 2.0, 2.5)] + [overloaded_trial(3.5)]
    trials = [replace(step, plan=replace(step.plan, order=order)) for order, step in enumerate(steps, start=1)]
    knee = Knee(2.5, 3.5, "46 of 150 arrivals were not answered", 3.0)
    return replace(load_run(*trials, knee=knee), **changes)


def interrupted() -> LoadRun:
    """A load that a person ended half-way, with all kinds of remarks."""
    trial = overloaded_trial(outcome="interrupted", error=None, makespan_s=None)
    return load_run(
        trial,
        verdicts=(Verdict("p99 > 3", 3.3528, failed=True), Verdict("failed > 1%", None, failed=False)),
        stopped="p99 > 3",
        notices=(Notice("interrupted", "interrupted by Ctrl-C", "What was measured until then is kept."),),
    )


def hostile() -> LoadRun:
    """Others wrote all of its texts."""
    checks = (Check("server_log", ok=False, detail=HOSTILE),)
    trial = closed_trial(
        outcome="failed", error=HOSTILE, errors=((HOSTILE, 3), ("x" * 5000, 1)), checks=checks,
        percentiles=HOSTILE, last_lines=(HOSTILE, "```", "end of fence"),
    )  # fmt: skip
    notices = (Notice("odd", HOSTILE, HOSTILE),)
    return load_run(trial, verdicts=(Verdict(HOSTILE, 1.0, failed=True),), stopped=HOSTILE, notices=notices)


def now(**changes: Any) -> Now:
    """An open load after a quarter of its time, overloaded."""
    counts = Counts(arrivals=38, begun=31, ok=21, unfinished=10, not_begun=7, late=19)
    return replace(Now(7.53, counts, 10, 14, 2.91, 3.34, 3.12, 5.67, 2.79), **changes)


def _seconds(number: int, ok: int, p99_s: float) -> tuple[Second, ...]:
    """Nothing is answered in the first second."""
    return tuple(
        Second(t_s, ok, ok, 0, ok, 0, p99_s * 0.8, p99_s * (1 + t_s % 3 / 10))
        if t_s
        else Second(0, ok, 0, 0, ok, 0, None, None)
        for t_s in range(number)
    )
