"""Whether the approaches that cope do: the scenarios with faults, and processor work, in both runtimes.

Run it as ``python benchmarks/scenarios.py [docker|local]…`` on a quiet machine. Each figure is the median of 3 trials
of an approach, interleaved by the lab; an approach that answers fewer than could be answered shows as such. The
handling part of a trial is the time from its first whole answer to its end, with all answers there at once (8 workers,
8 requests).
"""

from __future__ import annotations

import sys
from typing import Any

from _lab import compare, failed_checks, middle, show

REPEAT = "3"
ROBUST = ("thread_pool_robust", "asyncio_robust")
ADAPTIVE = "asyncio_adaptive"


def main(runtimes: list[str]) -> None:
    for runtime in runtimes or ["local", "docker"]:
        print(runtime)
        for measure in (rate_limit, timeouts, flaky, gone, processor):
            measure(runtime)


def rate_limit(runtime: str) -> None:
    document = run(runtime, "rate-limit", *ROBUST, ADAPTIVE)
    for name, trials in by_approach(document).items():
        adaptive = name == ADAPTIVE
        answered(name, trials, 50)
        show(f"  {name}: makespan ÷ ideal", over_ideal(trials), 1.25 if adaptive else 1.10, at_least=False)
        late = [refused_after(trial, 1.0) for trial in trials]
        show(f"  {name}: refused after the first second", max(late), 50 if adaptive else 0, at_least=False)


def timeouts(runtime: str) -> None:
    for name, trials in by_approach(run(runtime, "timeouts", *ROBUST, ADAPTIVE, more=("--delay", "1"))).items():
        answered(name, trials, 27)
        show(f"  {name}: causes told", min(told(trial) for trial in trials), 3, at_least=True)
        show(f"  {name}: makespan ÷ ideal", over_ideal(trials), 1.10, at_least=False)


def flaky(runtime: str) -> None:
    for name, trials in by_approach(run(runtime, "flaky", *ROBUST, ADAPTIVE, more=("--requests", "300"))).items():
        answered(name, trials, 300)
        print(f"    makespan ÷ ideal {over_ideal(trials):.2f}, attempts {[len(trial['requests']) for trial in trials]}")


def gone(runtime: str) -> None:
    for scenario in ("crash", "restart"):
        naive = ("sync", "threads", "asyncio_gather", "process_pool")
        document = run(runtime, scenario, *naive, *ROBUST, ADAPTIVE)
        for name, trials in by_approach(document).items():
            if name not in naive:
                answered(name, trials, 30)
                print(f"    makespan ÷ ideal {over_ideal(trials):.2f}")
            show(f"  {name}: requests without an end or a cause", max(map(unaccounted, trials)), 0, at_least=False)
            latest = max(row["end_s"] - row["start_s"] for trial in trials for row in trial["requests"] if row["end_s"])
            show(f"  {name}: longest attempt (s)", latest, 10.0, at_least=False)


def processor(runtime: str) -> None:
    document = run(runtime, "cpu", "sync", "threads", "process_pool", more=("--workers", "8"))
    part = {name: middle([handling_s(trial) for trial in trials]) for name, trials in by_approach(document).items()}
    show("  handling, threads ÷ process_pool", part["threads"] / part["process_pool"], 1.6, at_least=True)
    print(f"    handling part, s: {', '.join(f'{name} {seconds:.3f}' for name, seconds in part.items())}")


def run(runtime: str, scenario: str, *names: str, more: tuple[str, ...] = ()) -> dict[str, Any]:
    document, _ = compare(*names, "--scenario", scenario, "--repeat", REPEAT, "--runtime", runtime, *more)
    print(f" {scenario}")
    print("".join(f"    {line}\n" for line in failed_checks(document)), end="")
    return document


def by_approach(document: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for trial in document["trials"]:
        found.setdefault(trial["approach"], []).append(trial)
    return dict(sorted(found.items()))


def answered(name: str, trials: list[dict[str, Any]], wanted: int) -> None:
    show(f"  {name}: answered", min(trial["ok"] for trial in trials), wanted, at_least=True)


def told(trial: dict[str, Any]) -> int:
    return sum(cause is not None for cause in trial["causes"] or ())


def over_ideal(trials: list[dict[str, Any]]) -> float:
    return middle([t["makespan_s"] / t["ideal_s"] for t in trials if t["makespan_s"] is not None])


def refused_after(trial: dict[str, Any], seconds: float) -> int:
    return sum(row["status"] in {403, 429, 503} and row["start_s"] > seconds for row in trial["requests"])


def unaccounted(trial: dict[str, Any]) -> int:
    """Attempts that never ended, however the trial did."""
    return sum(row["end_s"] is None for row in trial["requests"])


def handling_s(trial: dict[str, Any]) -> float:
    return float(trial["makespan_s"] - min(row["end_s"] for row in trial["requests"]))


if __name__ == "__main__":
    main(sys.argv[1:])
