"""The load generator hey (Debian's package `hey`), a client in Go beside those in Python."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass

from benchmarks.support.model import BenchmarkError
from benchmarks.support.processes import output_of

LIMIT_S = 120.0
MISSING = "`hey` is not installed (Debian's package `hey`): its rows and ratios are not measured"


@dataclass(frozen=True, slots=True)
class Answer:
    """The time from the first request to the last answer, and the answers per second of that time."""

    elapsed_s: float
    per_second: float


def installed() -> bool:
    return shutil.which("hey") is not None


def hey(server: str, requests: int, users: int) -> Answer:
    """Run ``hey -n requests -c users``. Raises `BenchmarkError` unless every request is answered with 200."""
    command = ["hey", "-n", str(requests), "-c", str(users), f"{server}/hey/1"]
    report = output_of(command, LIMIT_S).decode()
    total, rate = (re.search(rf"{name}:\s+([\d.]+)", report) for name in ("Total", "Requests/sec"))
    if f"[200]\t{requests} responses" not in report or total is None or rate is None:
        raise BenchmarkError(f"hey did not get {requests} answers:\n{report}")
    return Answer(float(total[1]), float(rate[1]))
