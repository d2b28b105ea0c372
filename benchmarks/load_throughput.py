"""Throughput of a closed load: 10,000 requests by 500 users to 3 gevent workers with 0.1 s delay.

`lab.py load`, plain Locust and `hey -n 10000 -c 500` take turns on this machine, 5 of each, each on a server that has
just started. Each user sends its next request as soon as the last one is answered, until 10,000 have begun.
Throughput is the answered requests ÷ the time from the first one's start to the last answer, so it includes no start
of a program or server.

- `lab.py load` reads the server's log, joins it to the requests and writes the rows to disk while the load runs, on
  the same processors. The ratio to plain Locust shows the cost of that. The time comes from its rows.
- Plain Locust runs the user of `loadtest/locustfile.py`. Locust cannot stop after a number of requests, so
  `support/counted_locust.py` stops its users after 10,000 and takes the time from Locust's request events.
- hey gives each user 20 requests, where Locust's users share one sequence.

For Locust and hey the server's log goes to a file that nothing reads during the load. The server alone needs about
half of two processors; on a machine with two, the check `server_delay` fails because both are busy.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any

from benchmarks.support import hey, loads
from benchmarks.support.lab import LabRun, failed_checks
from benchmarks.support.model import MEASURED, Bound, Column, Figure, Report, Row, Table, median_of, median_ratio
from benchmarks.support.processes import output_of
from benchmarks.support.server import slow_server
from labkit.model import ServerConfig

TITLE = "Throughput of a load"
NEEDS = ()
PARTS_NEED = ("hey",)
_LOAD, _LOCUST, _HEY = "`lab.py load`", "plain Locust", "hey"
_TO_LOCUST, _TO_HEY, _LOST = "`lab.py load` ÷ Locust", "`lab.py load` ÷ hey", "requests unaccounted for"
TABLES = (
    Table(
        "figure",
        (Column(MEASURED),),
        (
            *(Row(name, "per second") for name in (_LOAD, _LOCUST, _HEY)),
            Row(_TO_LOCUST, bound=Bound(at_least=0.95)),
            Row(_TO_HEY),
            Row(_LOST, "count", Bound(at_most=0)),
        ),
    ),
)
LOCUST_LIMIT_S = 120.0


@dataclass(frozen=True, slots=True)
class Size:
    requests: int
    users: int
    repeats: int
    server: ServerConfig


FULL = Size(requests=10_000, users=500, repeats=5, server=ServerConfig(3, "gevent", 1, 0.1))
SMOKE = Size(requests=100, users=20, repeats=1, server=ServerConfig(1, "gevent", 1, 0.05))


def run(size: Size) -> Report:
    lab, locust, of_hey, lost = [], [], [], 0
    trials: list[dict[str, Any]] = []
    for _ in range(size.repeats):
        with loads.load(*_arguments(size)) as run:
            lab.append(_per_second(loads.rows(run)))
            lost += _unaccounted(run, size.requests)
            trials += run.document["trials"]
        with slow_server(size.server) as server:
            locust.append(_locust_per_second(server, size))
        if hey.installed():
            with slow_server(size.server) as server:
                of_hey.append(hey.hey(server, size.requests, size.users).per_second)
    figures = [median_of(_LOAD, MEASURED, lab), median_of(_LOCUST, MEASURED, locust)]
    figures.append(median_ratio(_TO_LOCUST, MEASURED, lab, locust))
    if of_hey:
        figures += [median_of(_HEY, MEASURED, of_hey), median_ratio(_TO_HEY, MEASURED, lab, of_hey)]
    notes = (*failed_checks(trials), *(() if of_hey else (hey.MISSING,)))
    return Report((*figures, Figure(_LOST, MEASURED, lost)), notes)


def _arguments(size: Size) -> tuple[str, ...]:
    server = ("--worker-class", size.server.worker_class, "--workers", str(size.server.workers))
    return ("--users", str(size.users), "--requests", str(size.requests), *server, "--delay", str(size.server.delay_s))


def _per_second(rows: list[dict[str, str]]) -> float:
    ended = [row for row in rows if row["end_s"]]
    elapsed_s = max(float(row["end_s"]) for row in ended) - min(float(row["start_s"]) for row in ended)
    return sum(row["status"] == "200" for row in ended) / elapsed_s


def _unaccounted(run: LabRun, requests: int) -> int:
    """The requests that are not answered once and in the server's log; all of them if a check of that failed."""
    (trial,) = run.document["trials"]
    sound = {check["name"] for check in trial["checks"] if check["ok"]}
    if not {"accounted", "server_log"} <= sound:
        return requests
    return requests - len({row["id"] for row in loads.rows(run) if row["status"] == "200" and row["server_end_s"]})


def _locust_per_second(server: str, size: Size) -> float:
    command = [sys.executable, "-m", "locust", "-f", "benchmarks/support/counted_locust.py", "--headless"]
    command += ["--users", str(size.users), "--spawn-rate", str(size.users), "--requests", str(size.requests)]
    answer = json.loads(output_of([*command, "--host", server], LOCUST_LIMIT_S))
    return float(answer["ok"] / answer["elapsed_s"])
