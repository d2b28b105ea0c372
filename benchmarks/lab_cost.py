"""The time of the whole command `lab.py compare` for the six approaches, less the sum of its makespans.

It is the median of 3 runs in each runtime, with the image built. The time of `lab.py --help` is the median of 5 runs.

The cost includes the six cold starts and the imports of lab.py. With Docker, most of the rest is the engine's
processor time for creating, starting and removing seven hardened containers.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

from benchmarks.support import needs
from benchmarks.support.approaches import SIX
from benchmarks.support.lab import compare, lab
from benchmarks.support.model import MEASURED, Bound, Column, Report, Row, Table, median_of

TITLE = "Cost of compare"
NEEDS = ()
PARTS_NEED = ("Docker",)
_HELP = "`lab.py --help`"
TABLES = (
    Table(
        "command",
        (Column(MEASURED, "s"),),
        (
            Row("`compare`, docker", bound=Bound(at_most=3.0)),
            Row("`compare`, local", bound=Bound(at_most=2.0)),
            Row(_HELP, bound=Bound(at_most=0.3)),
        ),
    ),
)
QUICK = ("--requests", "1", "--delay", "0.01")


@dataclass(frozen=True, slots=True)
class Size:
    compares: int
    helps: int
    approaches: tuple[str, ...]
    load: tuple[str, ...] = ()


FULL = Size(compares=3, helps=5, approaches=SIX)
SMOKE = Size(compares=1, helps=1, approaches=("sync",), load=QUICK)


def run(size: Size) -> Report:
    figures = []
    runtimes, notes = needs.runtimes(("docker", "local"))
    for runtime in runtimes:
        if runtime == "docker":
            compare("sync", *QUICK, "--runtime", runtime)  # builds the image if it is missing
        costs = [_cost_s(*size.approaches, *size.load, "--runtime", runtime) for _ in range(size.compares)]
        figures.append(median_of(f"`compare`, {runtime}", MEASURED, costs))
    figures.append(median_of(_HELP, MEASURED, [_help_s() for _ in range(size.helps)]))
    return Report(tuple(figures), notes)


def _cost_s(*arguments: str) -> float:
    run = compare(*arguments)
    return run.took_s - sum(float(trial["makespan_s"]) for trial in run.document["trials"])


def _help_s() -> float:
    began = perf_counter()
    lab("--help")
    return perf_counter() - began
