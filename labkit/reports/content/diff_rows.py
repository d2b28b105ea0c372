"""Differences as plain data: one row per result, grid point and approach that is compared with another result's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from labkit.analysis.diff import Cell, Key, Pair, Row, Several

COMPARED = ("difference_s", "difference_ci95_s", "ratio", "ratio_ci95", "p", "p_holm", "verdict")


def document_rows(diff: Pair | Several) -> list[dict[str, Any]]:
    """Return all rows; `reference` is the result that a row is compared with, null for the reference itself."""
    return [
        {
            "result": label,
            "approach": approach,
            "scenario": point.scenario,
            "interpreter": point.python,
            "server": asdict(point.server),
            "load": asdict(point.load),
            "trials": cell.trials,
            "ranked": len(cell.makespans_s),
            "median_s": cell.median_s,
            "efficiency": cell.efficiency,
            "reference": reference if row else None,
            "reference_ranked": len(row.first.makespans_s) if row else None,
            "reference_median_s": row.first.median_s if row else None,
            **{name: getattr(row, name, None) for name in COMPARED},
        }
        for label, (point, approach), cell, reference, row in _compared(diff)
    ]


def flat_rows(diff: Pair | Several) -> list[dict[str, Any]]:
    """Return all rows with named ends of the intervals, and without the server's behaviour."""
    rows = document_rows(diff)
    for row in rows:
        del row["server"]["behaviour"]
        for name in ("difference_ci95_s", "ratio_ci95"):
            row[name] = dict(zip(("low", "high"), row[name] or (None, None), strict=True))
    return rows


def _compared(diff: Pair | Several) -> Iterator[tuple[str, Key, Cell, str, Row | None]]:
    if isinstance(diff, Pair):
        for row in diff.rows:
            yield diff.second.label, (row.point, row.approach), row.second, diff.first.label, row
    else:
        for key, column in diff.columns.items():
            for against in column:
                yield against.side.label, key, against.cell, against.reference, against.row
