"""Saved results: one JSON document per benchmark and run, with its date in the file name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.support.machine import Machine
from benchmarks.support.model import Figure, Report, Table, table_of, verdict
from labkit.system.checkout import ROOT

SCHEMA = "concurrency-lab/benchmark/1"
FULL_RESULTS = ROOT / "benchmarks" / "results"
SMOKE_RESULTS = ROOT / ".lab" / "benchmarks"  # not in git, and never shown in README


@dataclass(frozen=True, slots=True)
class Result:
    """One run of one benchmark. `size` holds the settings that the run was made with."""

    name: str
    started_at: datetime
    took_s: float
    smoke: bool
    size: dict[str, Any]
    machine: Machine
    report: Report


def save(result: Result, tables: Sequence[Table]) -> Path:
    """Write the document; returns its path."""
    folder = SMOKE_RESULTS if result.smoke else FULL_RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    if result.smoke:
        for old in folder.glob(f"*Z-{result.name}.json"):
            old.unlink()
    path = folder / f"{result.started_at:%Y-%m-%dT%H%M%SZ}-{result.name}.json"
    path.write_text(_dump(document(result, tables)), encoding="utf-8")
    return path


def _dump(data: dict[str, Any]) -> str:
    """JSON with one line per field and one per figure."""
    figures = ",\n  ".join(map(_line, data.pop("figures")))
    fields = "".join(f' "{name}": {_line(value)},\n' for name, value in data.items())
    return f'{{\n{fields} "figures": [\n  {figures}\n ]\n}}\n'


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def document(result: Result, tables: Sequence[Table]) -> dict[str, Any]:
    """The result as JSON has it: each figure with its unit, its bound and the verdict on it."""
    return {
        "schema": SCHEMA,
        "name": result.name,
        "started_at": result.started_at.isoformat(),
        "took_s": round(result.took_s, 1),
        "smoke": result.smoke,
        "size": result.size,
        "machine": asdict(result.machine),
        "notes": list(result.report.notes),
        "figures": [_figure(figure, tables, smoke=result.smoke) for figure in result.report.figures],
    }


def _figure(figure: Figure, tables: Sequence[Table], *, smoke: bool) -> dict[str, Any]:
    table = table_of(tables, figure)
    bound = table.bound(figure.row, figure.column)
    return {
        **asdict(figure),
        "unit": table.unit(figure.row, figure.column),
        "bound": asdict(bound) if bound else None,
        "holds": None if smoke else verdict(tables, figure),
    }


def load(path: Path) -> Result:
    """Read a document back."""
    data = json.loads(path.read_text("utf-8"))
    figures = tuple(
        Figure(each["row"], each["column"], each["value"], tuple(each["samples"]), each["table"])
        for each in data["figures"]
    )
    return Result(
        name=data["name"],
        started_at=datetime.fromisoformat(data["started_at"]),
        took_s=data["took_s"],
        smoke=data["smoke"],
        size=data["size"],
        machine=Machine(**data["machine"]),
        report=Report(figures, tuple(data["notes"])),
    )


def newest(name: str) -> Path | None:
    """The path of the newest full result of a benchmark, or None."""
    return max(FULL_RESULTS.glob(f"*Z-{name}.json"), default=None)
