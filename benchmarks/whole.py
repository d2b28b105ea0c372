"""The whole time of a trial in the lab ÷ the time of `python SCRIPT` with the same code.

The whole time is cold start + makespan, as the harness reports them. The script is the approach's own source and a
call of its `main`; its time runs from the start of the interpreter to its exit. Both make 3 requests to the same 3
sync workers with 1 s delay on this machine, 7 times each, in turn.

The time of a script includes the interpreter's shutdown; that of the lab does not. Docker is left out: the container
has an interpreter of its own, and the start of a container is not part of the cold start.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from time import perf_counter

from benchmarks.support.approaches import SIX, call, under_harness, urls
from benchmarks.support.model import Bound, Column, Report, Row, Table, median_of, median_ratio
from benchmarks.support.processes import output_of
from benchmarks.support.server import slow_server
from clients.harness import catalogue
from labkit.model import ServerConfig

TITLE = "Whole time beside a plain script"
NEEDS = ()
PARTS_NEED = ()
TABLES = (
    Table(
        "approach",
        (Column("lab", "s"), Column("script", "s"), Column("ratio", bound=Bound(at_most=1.05))),
        tuple(map(Row, SIX)),
    ),
)
REQUESTS = 3
SCRIPT_LIMIT_S = 60.0
SCRIPT = """
{source}
if __name__ == "__main__":
    {call}
"""


@dataclass(frozen=True, slots=True)
class Size:
    repeats: int
    delay_s: float
    approaches: tuple[str, ...]


FULL = Size(repeats=7, delay_s=1.0, approaches=SIX)
SMOKE = Size(repeats=1, delay_s=0.05, approaches=("asyncio_semaphore",))


def run(size: Size) -> Report:
    figures = []
    with slow_server(ServerConfig(3, "sync", 1, size.delay_s)) as server:
        addresses = urls(server, REQUESTS)
        for name in size.approaches:
            lab, script = [], []
            for _ in range(size.repeats):
                trial = under_harness(name, addresses, REQUESTS)
                lab.append(trial.cold_start_s + trial.makespan_s)
                script.append(_as_script(name, addresses))
            figures += [median_of(name, "lab", lab), median_of(name, "script", script)]
            figures.append(median_ratio(name, "ratio", lab, script))
    return Report(tuple(figures))


def _as_script(name: str, addresses: tuple[str, ...]) -> float:
    """The seconds from the start of ``python SCRIPT`` to its exit."""
    source = (catalogue.FOLDER / f"{name}.py").read_text("utf-8")
    with tempfile.NamedTemporaryFile("w", suffix=".py") as script:
        script.write(SCRIPT.format(source=source, call=call(name, addresses, REQUESTS)))
        script.flush()
        began = perf_counter()
        output_of([sys.executable, script.name], SCRIPT_LIMIT_S)
        return perf_counter() - began
