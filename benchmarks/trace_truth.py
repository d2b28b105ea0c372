"""What a traced trial says of threads, against what they know themselves.

Three workers do rounds of 50 ms of pure Python each, begun together: as threads, which have one GIL, and as processes,
which have one each. Each worker reads its own clocks around its work, which is the truth:

- processor time is `time.thread_time_ns`, and 50 ms by arithmetic;
- waiting for a core is what the kernel counts for it (run_delay of schedstat, see proc(5));
- waiting for the GIL is the rest of the wall time: nothing else is waited for. By arithmetic that is up to 100 ms.

The tracer finds all of it from outside, in the harness, as `lab.py compare --trace` uses it. Linux only.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from _lab import ROOT, middle, show

TRIALS = 5
WORK = """
import json, os, sys, time
from multiprocessing import get_context
from threading import Barrier, Thread, get_native_id

WORKERS, ROUNDS, SECONDS = 3, 10, 0.05

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
    os.write(2, "".join(f"row {json.dumps(row)}\\n" for row in rows).encode())
"""
THREADS = f"""{WORK}
def main(urls):
    barrier = Barrier(WORKERS)
    workers = [Thread(target=work, args=(barrier,)) for _ in range(WORKERS)]
    for worker in workers: worker.start()
    for worker in workers: worker.join()
    return []
"""
PROCESSES = f"""{WORK}
def main(urls):
    context = get_context("fork")
    barrier = context.Barrier(WORKERS)
    workers = [context.Process(target=work, args=(barrier,)) for _ in range(WORKERS)]
    for worker in workers: worker.start()
    for worker in workers: worker.join()
    return []
"""


@dataclass(frozen=True, slots=True)
class Round:
    """One round of one worker, in milliseconds: the truth, and what the tracer saw of it."""

    worker: tuple[int, int]
    wall: float
    cpu: float
    core: float
    seen: dict[str, float]

    @property
    def gil(self) -> float:
        return max(0.0, self.wall - self.cpu - self.core)


def main() -> None:
    threads = [rounds_of(THREADS) for _ in range(TRIALS)]
    print(f"three threads, {TRIALS} trials: waiting for the GIL is {truth(threads):.1f} ms a round by their own clocks")
    compare("  GIL waiting, a trial", [off(rounds, "gil") for rounds in threads], 0.15)
    compare("  GIL waiting, a thread", [off(own, "gil") for rounds in threads for own in by_worker(rounds)], 0.15)
    compare("  processor time, a trial", [off(rounds, "cpu") for rounds in threads], 0.10)
    compare("  processor time, a thread", [off(own, "cpu") for rounds in threads for own in by_worker(rounds)], 0.10)
    processes = [rounds_of(PROCESSES) for _ in range(TRIALS)]
    print(f"three processes, {TRIALS} trials")
    compare(
        "  GIL waiting, of the wall time", [total(each, "gil") / sum(r.wall for r in each) for each in processes], 0.02
    )
    compare("  processor time, a trial", [off(rounds, "cpu") for rounds in processes], 0.10)


def compare(what: str, differences: list[float], bound: float) -> None:
    """Print the median of relative differences and the greatest of them beside the bound."""
    sizes = [abs(difference) for difference in differences]
    show(f"{what}: median ({middle(differences):+.3f})", middle(sizes), bound, at_least=False)
    show(f"{what}: at most", max(sizes), bound, at_least=False)


def truth(trials: list[list[Round]]) -> float:
    return middle([each.gil for rounds in trials for each in rounds])


def off(rounds: list[Round], what: str) -> float:
    """How far the tracer is off in all of `rounds`: -0.05 is 5 % too little."""
    true = sum(each.gil if what == "gil" else each.cpu for each in rounds)
    return total(rounds, "gil" if what == "gil" else "running") / true - 1


def total(rounds: list[Round], state: str) -> float:
    return sum(each.seen.get(state, 0.0) for each in rounds)


def by_worker(rounds: list[Round]) -> list[list[Round]]:
    ordered = sorted(rounds, key=lambda each: each.worker)
    return [list(own) for _, own in groupby(ordered, key=lambda each: each.worker)]


def rounds_of(source: str) -> list[Round]:
    """Run one traced trial of an approach; its rounds but those in which nobody watched for a while."""
    told, rows = traced(source)
    lanes = [message for message in told if message["event"] == "lane"]
    gaps = [(message["start_ns"], message["end_ns"]) for message in told if message["event"] == "gap"]
    found = []
    for pid, tid, start_ns, end_ns, cpu_ns, core_ns in rows:
        if any(start < end_ns and end > start_ns for start, end in gaps):
            continue
        seen: dict[str, float] = {}
        for lane in lanes:
            if (lane["pid"], lane["tid"]) == (pid, tid):
                for state, start, end in zip(lane["states"], lane["starts_ns"], lane["ends_ns"], strict=True):
                    seen[state] = seen.get(state, 0.0) + max(0, min(end, end_ns) - max(start, start_ns)) / 1e6
        found.append(Round((pid, tid), (end_ns - start_ns) / 1e6, cpu_ns / 1e6, core_ns / 1e6, seen))
    print(f"  {len(found)} of {len(rows)} rounds without a gap")
    return found


def traced(source: str) -> tuple[list[dict[str, Any]], list[tuple[int, ...]]]:
    """What the harness told of a traced trial of this approach, and the rows that the approach wrote."""
    trial = {"v": 1, "event": "trial", "urls": ["http://127.0.0.1:9/t/1"], "limit": 1, "timeout_s": None}
    trial |= {"trial_timeout_s": 60, "handle_ms": 0, "trace": True}
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as errors:
        shutil.copytree(ROOT / "clients", Path(folder, "clients"))
        Path(folder, "clients", "truth.py").write_text(source, "utf-8")
        command = [sys.executable, "-m", "clients.harness", "truth", "--protocol"]
        with subprocess.Popen(
            command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
        ) as harness:
            assert harness.stdin is not None
            assert harness.stdout is not None
            harness.stdin.write(json.dumps(trial).encode() + b"\n")
            harness.stdin.flush()
            told = []
            while not told or told[-1]["event"] not in {"done", "unavailable"}:
                told.append(json.loads(harness.stdout.readline()))
            harness.stdin.close()
        errors.seek(0)
        lines = errors.read().decode().splitlines()
    return told, [tuple(json.loads(line.removeprefix("row "))) for line in lines if line.startswith("row ")]


if __name__ == "__main__":
    main()
