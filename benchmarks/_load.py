"""What the benchmarks of loads share: run ``lab.py load`` and read its document and its rows."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from typing import Any

from _lab import ROOT


def load_command(*arguments: str) -> list[str]:
    """``lab.py load`` with processes on this machine; it prints its document."""
    return [sys.executable, "lab.py", "load", *arguments, "--runtime", "local", "--format", "json"]


def load(*arguments: str) -> dict[str, Any]:
    """Run ``lab.py load`` and return its document, which is there for a load that is not sound as well."""
    run = subprocess.run(load_command(*arguments), cwd=ROOT, stdout=subprocess.PIPE, check=False)
    document: dict[str, Any] = json.loads(run.stdout)
    return document


def rows(document: dict[str, Any]) -> list[dict[str, str]]:
    """The one load's requests, in the order of their ids; times are seconds, what is not known is empty."""
    (trial,) = document["trials"]
    path = ROOT / "results" / document["id"] / trial["requests_file"]
    with path.open(encoding="utf-8", newline="") as file:
        return sorted(csv.DictReader(file), key=lambda row: int(row["id"]))
