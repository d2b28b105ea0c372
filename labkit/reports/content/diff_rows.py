"""Differences as plain data: one row for each result, grid point and approach that is compared with another's."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from labkit.analysis.diff import Cell, Pair, Row, Several
from labkit.model import GridPoint

COMPARED = ("difference_s", "difference_ci95_s", "ratio", "ratio_ci95", "p", "p_holm", "verdict")


def rows(found: Pair | Several) -> list[dict[str, Any]]:
    """A row's `reference` is what its result is compared with; null for the one that is the reference itself."""
    if isinstance(found, Pair):
        label, reference = found.second.label, found.first.label
        return [
            {"result": label, **_of_cell(row.point, row.approach, row.second), "reference": reference, **_of_row(row)}
            for row in found.rows
        ]
    return [
        {
            "result": against.side.label,
            **_of_cell(point, approach, against.cell),
            "reference": None if against.row is None else against.reference,
            **_of_row(against.row),
        }
        for (point, approach), column in found.columns.items()
        for against in column
    ]


def _of_cell(point: GridPoint, approach: str, cell: Cell) -> dict[str, Any]:
    return {
        "approach": approach,
        "scenario": point.scenario,
        "interpreter": point.python,
        "server": asdict(point.server),
        "load": asdict(point.load),
        "trials": cell.trials,
        "ranked": len(cell.makespans_s),
        "median_s": cell.median_s,
        "efficiency": cell.efficiency,
    }


def _of_row(row: Row | None) -> dict[str, Any]:
    return {
        "reference_ranked": None if row is None else len(row.first.makespans_s),
        "reference_median_s": None if row is None else row.first.median_s,
        **{name: None if row is None else getattr(row, name) for name in COMPARED},
    }
