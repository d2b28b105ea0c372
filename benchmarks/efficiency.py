"""Ideal makespan ÷ measured makespan, for 3 requests to 3 sync workers with 1 s delay.

`lab.py compare` interleaves the trials of all approaches. The figure is the median of 5 trials; only trials that pass
every check count.

Three threads that open their first connection at the same time share one GIL: `requests` needs a few milliseconds of
processor time for that. The same code has the same cost without the harness, see `harness_cost`.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.support import needs
from benchmarks.support.approaches import SIX
from benchmarks.support.lab import compare, failed_checks, makespans
from benchmarks.support.model import Bound, Column, Report, Row, Table, median_of

TITLE = "Efficiency"
NEEDS = ()
PARTS_NEED = ("Docker",)
_AT_LEAST = dict.fromkeys(SIX, 0.988) | {"sync": 0.993, "process_pool": 0.95}
TABLES = (
    Table(
        "approach",
        (Column("local"), Column("docker")),
        tuple(Row(name, bound=Bound(at_least=limit)) for name, limit in _AT_LEAST.items()),
    ),
)


@dataclass(frozen=True, slots=True)
class Size:
    repeats: int
    delay_s: float
    approaches: tuple[str, ...]


FULL = Size(repeats=5, delay_s=1.0, approaches=SIX)
SMOKE = Size(repeats=1, delay_s=0.05, approaches=("sync", "process_pool"))


def run(size: Size) -> Report:
    figures = []
    runtimes, notes = needs.runtimes(("local", "docker"))
    for runtime in runtimes:
        load = ("--requests", "3", "--delay", str(size.delay_s), "--repeat", str(size.repeats))
        document = compare(*size.approaches, *load, "--runtime", runtime).document
        for approach in size.approaches:
            ideal_s = next(trial["ideal_s"] for trial in document["trials"] if trial["approach"] == approach)
            figures.append(median_of(approach, runtime, [ideal_s / each for each in makespans(document, approach)]))
        notes += tuple(failed_checks(document["trials"], f"left out: {runtime}: "))
    return Report(tuple(figures), notes)
