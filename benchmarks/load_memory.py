"""Peak memory of `lab.py load` at 200,000 requests ÷ that at 20,000 requests.

The load is closed: 200 users, 3 gevent workers with 0.05 s delay, on this machine; 3 loads of each size in turn. Each
ratio is that of the medians.

- lab.py: the peak resident memory of its own process (`VmHWM` in /proc). It never falls, so the last of the readings,
  one every 10 ms until the process ends, is the peak. `getrusage` would include the processes that lab.py starts.
- Load generator (Locust): `peak_memory_bytes` of the document, the proportional set size that the harness's sampler
  reads from outside.

The server and the harness's own process are not counted.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import sleep

from benchmarks.support.lab import LIMIT_S, saved_run
from benchmarks.support.loads import HERE
from benchmarks.support.model import (
    BenchmarkError,
    Bound,
    Column,
    Figure,
    Report,
    Row,
    Table,
    median_of,
    median_ratio,
)
from benchmarks.support.processes import child, failure

TITLE = "Memory of a load"
NEEDS = ("Linux",)
PARTS_NEED = ()
PROCESSES = ("lab.py", "load generator")
TABLES = (
    Table(
        "process",
        (
            Column("20,000 requests", "MB"),
            Column("200,000 requests", "MB"),
            Column("ratio", bound=Bound(at_most=1.10)),
        ),
        tuple(map(Row, PROCESSES)),
    ),
)
SERVER = ("--worker-class", "gevent", "--workers", "3", "--delay", "0.05")
LOOK_EVERY_S = 0.01


@dataclass(frozen=True, slots=True)
class Size:
    few: int
    many: int
    users: int
    repeats: int


FULL = Size(few=20_000, many=200_000, users=200, repeats=3)
SMOKE = Size(few=50, many=100, users=10, repeats=1)


def run(size: Size) -> Report:
    few, many = [], []
    for _ in range(size.repeats):
        few.append(_peaks_mb(size.few, size.users))
        many.append(_peaks_mb(size.many, size.users))
    figures: list[Figure] = []
    for name in PROCESSES:
        of_few, of_many = [peaks[name] for peaks in few], [peaks[name] for peaks in many]
        figures.append(median_of(name, "20,000 requests", of_few))
        figures.append(median_of(name, "200,000 requests", of_many))
        figures.append(median_ratio(name, "ratio", of_many, of_few))
    return Report(tuple(figures))


def _peaks_mb(requests: int, users: int) -> dict[str, float]:
    """The peak memory of one load in MB (10^6 bytes), by process."""
    command = [sys.executable, "lab.py", "load", "--users", str(users), "--requests", str(requests), *SERVER, *HERE]
    command += ["--format", "json"]
    lab_bytes = 0
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        with child(command, LIMIT_S, stdout=output, stderr=errors) as lab:
            while lab.poll() is None:
                lab_bytes = _peak_bytes(lab.pid) or lab_bytes
                sleep(LOOK_EVERY_S)
        output.seek(0)
        text = output.read()
        if not text:
            raise BenchmarkError(failure(command, lab.returncode, errors))
    with saved_run(json.loads(text), 0.0) as run:
        (trial,) = run.document["trials"]
    if trial["ok"] != requests:
        raise BenchmarkError(f"{trial['ok']} of {requests} requests were answered: {trial['errors']}")
    return {"lab.py": lab_bytes / 1e6, "load generator": trial["peak_memory_bytes"] / 1e6}


def _peak_bytes(pid: int) -> int | None:
    """The peak resident memory of a process; None once it has ended."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text("ascii"))
    return int(found[1]) * 1024 if found else None
