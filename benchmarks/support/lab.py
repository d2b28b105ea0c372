"""`lab.py` as the benchmarks run it: one command, its document, and nothing left in results/."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.support.processes import output_of
from labkit.system.checkout import ROOT

LIMIT_S = 900.0
OK, CHECK_FAILED = 0, 1  # exit codes; both come with a document


@dataclass(frozen=True, slots=True)
class LabRun:
    """One finished comparison or load: its document, its folder and the seconds that the whole command took."""

    document: dict[str, Any]
    folder: Path
    took_s: float


def lab(*arguments: str, exit_codes: tuple[int, ...] = (OK,)) -> bytes:
    """The standard output of ``lab.py`` with these arguments. Raises `BenchmarkError`."""
    return output_of([sys.executable, "lab.py", *arguments], LIMIT_S, exit_codes)


@contextmanager
def running(command: str, *arguments: str) -> Iterator[LabRun]:
    """Run ``lab.py compare`` or ``lab.py load``; its results are removed when the context ends."""
    began = perf_counter()
    out = lab(command, *arguments, "--format", "json", exit_codes=(OK, CHECK_FAILED))
    took_s = perf_counter() - began
    with saved_run(json.loads(out), took_s) as run:
        yield run


@contextmanager
def saved_run(document: dict[str, Any], took_s: float) -> Iterator[LabRun]:
    """The run that printed `document`; its results are removed when the context ends."""
    folder = ROOT / "results" / document["id"]
    try:
        yield LabRun(document, folder, took_s)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def compare(*arguments: str) -> LabRun:
    """Run ``lab.py compare`` without Locust's baseline. Of its results only the document is kept."""
    with running("compare", "--no-baseline", *arguments) as run:
        return run


def makespans(document: dict[str, Any], approach: str) -> list[float]:
    """The makespans of the approach's trials that passed every check."""
    return [
        trial["makespan_s"]
        for trial in document["trials"]
        if trial["approach"] == approach
        and trial["outcome"] == "ok"
        and all(check["ok"] is not False for check in trial["checks"])
    ]


def failed_checks(trials: Sequence[dict[str, Any]], label: str = "") -> Iterator[str]:
    """One note per check that failed in any of `trials`, with the first trial in which it did."""
    failures: dict[str, list[str]] = {}
    for trial in trials:
        for check in trial["checks"]:
            if check["ok"] is False:
                failures.setdefault(check["name"], []).append(f"{trial['approach']}: {check['detail']}")
    for name, details in failures.items():
        yield f"{label}check {name} failed in {len(details)} of {len(trials)} trials; the first is {details[0]}"
