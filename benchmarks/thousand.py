"""1,000 requests at once to one gevent worker per processor with 1 s delay, on this machine.

`hey -n 1000 -c 1000` and two approaches take turns on the same server, 5 of each; the ratio is that of the median
makespans. Lost requests are counted in one `lab.py compare` of each approach: a request is lost unless it was
answered with 200 and is in the server's log.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from benchmarks.support import hey
from benchmarks.support.approaches import Measured, under_harness, urls
from benchmarks.support.lab import compare
from benchmarks.support.model import MEASURED, Bound, Column, Figure, Report, Row, Table, median_of, median_ratio
from benchmarks.support.server import slow_server
from labkit.model import ServerConfig

TITLE = "A thousand requests in flight"
NEEDS = ()
PARTS_NEED = ("hey",)
APPROACHES = ("asyncio_gather", "threads")
_RATIO, _ANSWERED, _LOST = "asyncio_gather ÷ hey", "requests answered to threads, fewest of a trial", "requests lost"
TABLES = (
    Table(
        "figure",
        (Column(MEASURED),),
        (
            Row("hey", "s"),
            Row("asyncio_gather", "s"),
            Row("threads", "s"),
            Row(_RATIO, bound=Bound(at_most=1.3)),
            Row(_ANSWERED, "count", Bound(at_least=1000)),
            Row(_LOST, "count", Bound(at_most=0)),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Size:
    requests: int
    delay_s: float
    repeats: int


FULL = Size(requests=1000, delay_s=1.0, repeats=5)
SMOKE = Size(requests=20, delay_s=0.05, repeats=1)


def run(size: Size) -> Report:
    hey_s: list[float] = []
    trials: dict[str, list[Measured]] = {name: [] for name in APPROACHES}
    with slow_server(ServerConfig(os.cpu_count() or 1, "gevent", 1, size.delay_s)) as server:
        addresses = urls(server, size.requests)
        for _ in range(size.repeats):
            if hey.installed():
                hey_s.append(hey.hey(server, size.requests, size.requests).elapsed_s)
            for name in APPROACHES:
                trials[name].append(under_harness(name, addresses, size.requests))
    makespans_s = {name: [trial.makespan_s for trial in trials[name]] for name in APPROACHES}
    figures = [median_of(name, MEASURED, makespans_s[name]) for name in APPROACHES]
    if hey_s:
        figures.append(median_of("hey", MEASURED, hey_s))
        figures.append(median_ratio(_RATIO, MEASURED, makespans_s["asyncio_gather"], hey_s))
    figures.append(Figure(_ANSWERED, MEASURED, min(trial.answered for trial in trials["threads"])))
    figures.append(Figure(_LOST, MEASURED, sum(_lost(name, size) for name in APPROACHES)))
    return Report(tuple(figures), () if hey_s else (hey.MISSING,))


def _lost(name: str, size: Size) -> int:
    """The requests of one comparison that were not answered, or that the server's log lacks."""
    load = ("--requests", str(size.requests), "--limit", str(size.requests), "--delay", str(size.delay_s))
    (trial,) = compare(name, *load, "--worker-class", "gevent", "--runtime", "local").document["trials"]
    found = [row for row in trial["requests"] if row["status"] == 200 and row["server"] is not None]
    return size.requests - len(found)
