"""The report's rows as CSV, for spreadsheets and data frames.

A column is named after the path of its field (``server.workers``, ``latency_s.p50``). Seconds and bytes are as
measured; an empty cell was not measured. Text is quoted where CSV requires it and otherwise kept, except for control
characters: a spreadsheet may read an error that starts with ``=`` as a formula, but a prefix would be wrong data for
every other program.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import StringIO
from typing import Any

from labkit.output.format import sanitize
from labkit.output.page import Page
from labkit.reports import Report


def render(report: Report, page: Page) -> str:  # noqa: ARG001 - rows do not depend on the page
    """Render the rows below one header; columns have the order of the document's fields."""
    rows = [dict(_cells(row)) for row in report.rows()]
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().rstrip("\n")


def _cells(row: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if isinstance(value, dict):
            yield from _cells(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", sanitize(value) if isinstance(value, str) else value
