"""`lab.py load` as the benchmarks run it."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.support.lab import LabRun, running

HERE = ("--runtime", "local")


@contextmanager
def load(*arguments: str) -> Iterator[LabRun]:
    """One load with processes on this machine; its results are removed when the context ends."""
    with running("load", *arguments, *HERE) as run:
        yield run


def rows(run: LabRun) -> list[dict[str, str]]:
    """The load's requests, ordered by id. Times are seconds; an unknown value is empty."""
    (trial,) = run.document["trials"]
    with (run.folder / trial["requests_file"]).open(encoding="utf-8", newline="") as file:
        return sorted(csv.DictReader(file), key=lambda row: int(row["id"]))
