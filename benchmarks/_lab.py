"""What the benchmarks share: run lab.py and read its document, and print a table of measured against bound."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # where the following is

from clients.harness.protocol import Trial, to_line  # noqa: E402

SIX = ("sync", "threads", "thread_pool", "asyncio_gather", "asyncio_semaphore", "process_pool")


def compare(*arguments: str) -> tuple[dict[str, Any], float]:
    """Run ``lab.py compare`` and return its document and how long the whole command took, in seconds."""
    command = [sys.executable, "lab.py", "compare", "--no-baseline", *arguments, "--format", "json"]
    began = perf_counter()
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=False)
    took_s = perf_counter() - began
    return json.loads(run.stdout), took_s


def makespans(document: dict[str, Any], approach: str) -> list[float]:
    """The makespans of an approach's trials that passed every check."""
    return [
        trial["makespan_s"]
        for trial in document["trials"]
        if trial["approach"] == approach
        and trial["outcome"] == "ok"
        and all(c["ok"] is not False for c in trial["checks"])
    ]


def failed_checks(document: dict[str, Any]) -> list[str]:
    """The checks that failed, with their trials."""
    return [
        f"{trial['approach']} (trial {trial['order']}): {check['name']}: {check['detail']}"
        for trial in document["trials"]
        for check in trial["checks"]
        if check["ok"] is False
    ]


def show(what: str, measured: float, bound: float, *, at_least: bool) -> None:
    """Print one figure beside its bound."""
    good = measured >= bound if at_least else measured <= bound
    print(
        f"{what:<52} {measured:8.3f}   {'≥' if at_least else '≤'} {bound:<6g} {'holds' if good else 'MISSED'}",
        flush=True,
    )


def middle(values: list[float]) -> float:
    """The median, or NaN of nothing."""
    return median(values) if values else float("nan")


PORT = 8765


@contextmanager
def standing_server(*arguments: str) -> Iterator[None]:
    """A server from ``lab.py up`` on `PORT`, with processes on this machine."""
    command = [sys.executable, "lab.py", "up", "--runtime", "local", "--port", str(PORT), *arguments]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        subprocess.run([sys.executable, "lab.py", "down"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def urls(requests: int) -> list[str]:
    """So many requests to the standing server."""
    return [f"http://127.0.0.1:{PORT}/benchmark/{number}" for number in range(1, requests + 1)]


def in_the_lab(name: str, requests: int, limit: int) -> tuple[float, float]:
    """Cold start and makespan of an approach, in seconds, as the harness reports them."""
    trial = to_line(Trial(tuple(urls(requests)), limit, timeout_s=None, trial_timeout_s=60))
    command = [sys.executable, "-m", "clients.harness", name, "--protocol"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as harness:
        assert harness.stdin is not None
        assert harness.stdout is not None
        ready = json.loads(harness.stdout.readline())
        harness.stdin.write(trial)
        harness.stdin.flush()
        done = next(message for line in harness.stdout if (message := json.loads(line))["event"] == "done")
        harness.stdin.close()
    return ready["cold_start_s"], (done["end_ns"] - done["start_ns"]) / 1e9
