"""The makespan with the harness ÷ the makespan without it, 7 of each in turn, on this machine.

Both call the same server. Without the harness a bare process imports the approach, reads the clock, calls `main` and
reads the clock again; there are no hooks and no sampler. The first load is 3 requests to 3 sync workers with 0.5 s
delay, the second is 100 requests to ASGI workers with 0.05 s delay and limit 10.

In the second load the client's own work is most of the makespan, so the ratio shows the two rows that the harness
writes per request and the sampler on the same processors.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.support.approaches import SIX, call, under_harness, urls
from benchmarks.support.model import Bound, Column, Figure, Report, Row, Table, median_of, median_ratio
from benchmarks.support.processes import output_of
from benchmarks.support.server import slow_server
from labkit.model import ServerConfig

TITLE = "Cost of the harness"
NEEDS = ()
PARTS_NEED = ()
BARE_LIMIT_S = 60.0
BARE = """
import asyncio, time
from clients.{name} import main
began = time.monotonic_ns()
{call}
print(time.monotonic_ns() - began)
"""


@dataclass(frozen=True, slots=True)
class Load:
    requests: int
    limit: int
    server: ServerConfig


LOADS = {
    "3 requests, 0.5 s": Load(3, 3, ServerConfig(3, "sync", 1, 0.5)),
    "100 requests, 0.05 s, limit 10": Load(100, 10, ServerConfig(3, "asgi", 1, 0.05)),
}
COLUMNS = (Column("without", "s"), Column("with", "s"), Column("ratio", bound=Bound(at_most=1.01)))
TABLES = tuple(Table("approach", COLUMNS, tuple(map(Row, SIX)), name) for name in LOADS)


@dataclass(frozen=True, slots=True)
class Size:
    repeats: int
    approaches: tuple[str, ...]


FULL = Size(repeats=7, approaches=SIX)
SMOKE = Size(repeats=1, approaches=("asyncio_gather",))


def run(size: Size) -> Report:
    return Report(tuple(figure for name, load in LOADS.items() for figure in _measure(name, load, size)))


def _measure(table: str, load: Load, size: Size) -> Iterator[Figure]:
    with slow_server(load.server) as server:
        addresses = urls(server, load.requests)
        for name in size.approaches:
            harness, bare = [], []
            for _ in range(size.repeats):
                harness.append(under_harness(name, addresses, load.limit).makespan_s)
                bare.append(_bare_s(name, addresses, load.limit))
            yield median_of(name, "without", bare, table)
            yield median_of(name, "with", harness, table)
            yield median_ratio(name, "ratio", harness, bare, table)


def _bare_s(name: str, addresses: tuple[str, ...], limit: int) -> float:
    """The makespan without the harness."""
    script = BARE.format(name=name, call=call(name, addresses, limit))
    return float(json.loads(output_of([sys.executable, "-c", script], BARE_LIMIT_S)) / 1e9)
