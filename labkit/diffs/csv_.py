"""A row for each result, grid point and approach, for spreadsheets and data frames.

Columns are named by their field's path in the JSON; what there is none of is an empty cell.
"""

from __future__ import annotations

import csv
from io import StringIO
from typing import Any

from labkit.analysis.diff import Pair, Several
from labkit.output.format import sanitize
from labkit.output.page import Page
from labkit.reports.content.diff_rows import rows

# Stable: columns are only ever added, at the end.
COLUMNS = (
    "result",
    "approach",
    "scenario",
    "interpreter",
    "server.workers",
    "server.worker_class",
    "server.worker_threads",
    "server.delay_s",
    "load.requests",
    "load.limit",
    "trials",
    "ranked",
    "median_s",
    "efficiency",
    "reference",
    "reference_ranked",
    "reference_median_s",
    "difference_s",
    "difference_ci95_s.low",
    "difference_ci95_s.high",
    "ratio",
    "ratio_ci95.low",
    "ratio_ci95.high",
    "p",
    "p_holm",
    "verdict",
)
ENDS = {"low": 0, "high": 1}


def render(found: Pair | Several, page: Page) -> str:  # noqa: ARG001 - data is the same on every page
    """The rows under one header."""
    text = StringIO()
    sheet = csv.writer(text, lineterminator="\n")
    sheet.writerow(COLUMNS)
    sheet.writerows([[_cell(row, column) for column in COLUMNS] for row in rows(found)])
    return text.getvalue().rstrip("\n")


def _cell(row: dict[str, Any], column: str) -> Any:
    name, _, rest = column.partition(".")
    value = row[name]
    if rest and value is not None:
        value = value[ENDS[rest]] if rest in ENDS else value[rest]
    return sanitize(value) if isinstance(value, str) else value
