"""A row per trial of a result document, for spreadsheets and data frames."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from io import StringIO
from typing import Any

from labkit.output.format import sanitize

CHECKS_COLUMN = "checks_failed"


def flat(document: dict[str, Any], of_all: Sequence[str], of_trial: Sequence[str]) -> str:
    """CSV with a header: the fields `of_all` trials, then those `of_trial`, then the names of the failed checks.

    A column is named by its field's path in the document (``latency_s.p50``). What was not measured is an empty cell.
    """
    text = StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow([*of_all, *of_trial, CHECKS_COLUMN])
    for trial in document["trials"]:
        failed = " ".join(check["name"] for check in trial["checks"] if check["ok"] is False)
        cells = [_at(document, path) for path in of_all] + [_at(trial, path) for path in of_trial]
        rows.writerow([_cell(cell) for cell in (*cells, failed)])
    return text.getvalue().rstrip("\n")


def _cell(value: Any) -> Any:
    if isinstance(value, dict):
        value = json.dumps(value, ensure_ascii=False)
    return sanitize(value) if isinstance(value, str) else value


def _at(tree: dict[str, Any], path: str) -> Any:
    value: Any = tree
    for key in path.split("."):
        value = None if value is None else value[key]
    return value
