"""States of threads in a traced trial, beside the clocks of the threads themselves.

Three workers do 10 rounds of 50 ms of pure Python, and begin each round together: as threads, which share one GIL,
and as processes, which have one each. There are 5 trials of each, traced as `lab.py compare --trace` does it. Each
worker reads its own clocks around its work:

- processor time is `time.thread_time_ns`;
- waiting for a core is the kernel's run_delay (schedstat, see proc(5));
- waiting for the GIL is the rest of the wall time, because the worker waits for nothing else.

A figure is the difference between the tracer and the worker's clocks, as a share of the latter. Rounds in which the
sampler had a gap are left out and counted. On a busy machine most rounds have gaps, and the differences grow.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks.support.approaches import TRIAL_LIMIT_S, converse
from benchmarks.support.model import BenchmarkError, Bound, Column, Figure, Report, Row, Table, median_of
from benchmarks.support.processes import child, failure
from clients.harness import catalogue
from clients.harness.protocol import Trial, to_line

TITLE = "A trace beside the threads' own clocks"
NEEDS = ("Linux",)
PARTS_NEED = ()
_GIL, _CPU = Bound(at_most=15), Bound(at_most=10)
TABLES = (
    Table(
        "figure",
        (Column("median", "%"), Column("worst", "%")),
        (
            Row("threads: GIL waiting, per trial", bound=_GIL),
            Row("threads: GIL waiting, per thread", bound=_GIL),
            Row("threads: processor time, per trial", bound=_CPU),
            Row("threads: processor time, per thread", bound=_CPU),
            Row("processes: GIL waiting ÷ wall time, per trial", bound=Bound(at_most=2)),
            Row("processes: processor time, per trial", bound=_CPU),
        ),
    ),
)
WORK = """
import json, os, sys, time
from multiprocessing import get_context
from threading import Barrier, Thread, get_native_id

WORKERS, ROUNDS, SECONDS = 3, {rounds}, 0.05

def work(barrier):
    rows = []
    with open("/proc/thread-self/schedstat", "rb", buffering=0) as file:
        core_ns = lambda: int(os.pread(file.fileno(), 64, 0).split()[1])
        for _ in range(ROUNDS):
            barrier.wait()
            start_ns, cpu_ns = time.monotonic_ns(), time.thread_time_ns()
            before_ns = core_ns()
            end = time.thread_time() + SECONDS
            while time.thread_time() < end:
                pass
            end_ns, cpu_ns = time.monotonic_ns(), time.thread_time_ns() - cpu_ns
            rows.append((os.getpid(), get_native_id(), start_ns, end_ns, cpu_ns, core_ns() - before_ns))
            time.sleep(0.02)
    os.write(2, "".join("row " + json.dumps(row) + "\\n" for row in rows).encode())

def main(urls):
    {context}
    workers = [{worker}(target=work, args=(barrier,)) for _ in range(WORKERS)]
    for worker in workers: worker.start()
    for worker in workers: worker.join()
    return []
"""
THREADS = {"context": "barrier = Barrier(WORKERS)", "worker": "Thread"}
PROCESSES = {"context": "fork = get_context('fork'); barrier = fork.Barrier(WORKERS)", "worker": "fork.Process"}


@dataclass(frozen=True, slots=True)
class Size:
    trials: int
    rounds: int


FULL = Size(trials=5, rounds=10)
SMOKE = Size(trials=1, rounds=2)


@dataclass(frozen=True, slots=True)
class Round:
    """One round of one worker in milliseconds: by its own clocks, and `traced` by state."""

    worker: tuple[int, int]
    wall: float
    cpu: float
    core: float
    traced: dict[str, float]

    @property
    def gil(self) -> float:
        return max(0.0, self.wall - self.cpu - self.core)


def run(size: Size) -> Report:
    threads, threads_note = _trials("threads", THREADS, size)
    processes, processes_note = _trials("processes", PROCESSES, size)
    per_thread = [own for rounds in threads for own in _by_worker(rounds)]
    differences: dict[str, Sequence[float | None]] = {
        "threads: GIL waiting, per trial": [_difference(rounds, "gil") for rounds in threads],
        "threads: GIL waiting, per thread": [_difference(own, "gil") for own in per_thread],
        "threads: processor time, per trial": [_difference(rounds, "cpu") for rounds in threads],
        "threads: processor time, per thread": [_difference(own, "cpu") for own in per_thread],
        "processes: GIL waiting ÷ wall time, per trial": [
            100 * _traced_ms(rounds, "gil") / sum(each.wall for each in rounds) for rounds in processes
        ],
        "processes: processor time, per trial": [_difference(rounds, "cpu") for rounds in processes],
    }
    figures = [figure for row, values in differences.items() for figure in _figures(row, values)]
    return Report(tuple(figures), (threads_note, processes_note))


def _figures(row: str, differences: Sequence[float | None]) -> Iterator[Figure]:
    sizes = [abs(difference) for difference in differences if difference is not None]
    yield median_of(row, "median", sizes)
    yield Figure(row, "worst", max(sizes, default=None))


def _trials(name: str, parts: dict[str, str], size: Size) -> tuple[list[list[Round]], str]:
    """The rounds without a gap of each trial that has any, and a note on the others."""
    source = WORK.replace("{rounds}", str(size.rounds))
    for key, value in parts.items():
        source = source.replace(f"{{{key}}}", value)
    trials = [_rounds(*_traced(source)) for _ in range(size.trials)]
    kept, rounds = sum(len(kept) for kept, _ in trials), sum(number for _, number in trials)
    note = f"{name}: {rounds - kept} of {rounds} rounds left out, because the sampler had a gap"
    return [kept for kept, _ in trials if kept], note


def _difference(rounds: list[Round], kind: str) -> float | None:
    """The tracer's total less that of the clocks, in percent of the latter; None if the clocks show nothing."""
    true_ms = sum(each.gil if kind == "gil" else each.cpu for each in rounds)
    return 100 * (_traced_ms(rounds, "gil" if kind == "gil" else "running") / true_ms - 1) if true_ms else None


def _traced_ms(rounds: list[Round], state: str) -> float:
    return sum(each.traced.get(state, 0.0) for each in rounds)


def _by_worker(rounds: list[Round]) -> list[list[Round]]:
    ordered = sorted(rounds, key=lambda each: each.worker)
    return [list(own) for _, own in groupby(ordered, key=lambda each: each.worker)]


def _rounds(messages: list[dict[str, Any]], rows: list[tuple[int, ...]]) -> tuple[list[Round], int]:
    """The rounds without a gap, and the number of all rounds."""
    lanes = [message for message in messages if message["event"] == "lane"]
    gaps = [(message["start_ns"], message["end_ns"]) for message in messages if message["event"] == "gap"]
    kept = []
    for pid, tid, start_ns, end_ns, cpu_ns, core_ns in rows:
        if any(start < end_ns and end > start_ns for start, end in gaps):
            continue
        traced: dict[str, float] = {}
        for lane in lanes:
            if (lane["pid"], lane["tid"]) == (pid, tid):
                for state, start, end in zip(lane["states"], lane["starts_ns"], lane["ends_ns"], strict=True):
                    traced[state] = traced.get(state, 0.0) + max(0, min(end, end_ns) - max(start, start_ns)) / 1e6
        kept.append(Round((pid, tid), (end_ns - start_ns) / 1e6, cpu_ns / 1e6, core_ns / 1e6, traced))
    return kept, len(rows)


def _traced(source: str) -> tuple[list[dict[str, Any]], list[tuple[int, ...]]]:
    """The harness's messages about a traced trial of this approach, and the rows that the approach wrote."""
    trial = Trial(("http://127.0.0.1:9/t/1",), 1, timeout_s=None, trial_timeout_s=TRIAL_LIMIT_S, trace=True)
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as errors:
        shutil.copytree(catalogue.FOLDER, Path(folder, "clients"))
        Path(folder, "clients", "truth.py").write_text(source, "utf-8")
        command = [sys.executable, "-m", "clients.harness", "truth", "--protocol"]
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": errors}
        with child(command, 2 * TRIAL_LIMIT_S, cwd=folder, **streams) as harness:
            messages = converse(harness, to_line(trial))
        errors.seek(0)
        lines = errors.read().decode().splitlines()
        rows = [tuple(json.loads(line.removeprefix("row "))) for line in lines if line.startswith("row ")]
        if not rows:
            raise BenchmarkError(failure(command, harness.returncode, errors))
    return messages, rows
