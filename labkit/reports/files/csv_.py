"""A row per attempt at a request, for spreadsheets and data frames; `compare --format csv` has a row per trial.

A column is named by the path of its field in the result document, its trial's or its own. Seconds and bytes are as they
were measured, and what was not measured is an empty cell. Text is as in the other CSV (see `labkit.reports.csv_`).
"""

from __future__ import annotations

import csv
from io import TextIOWrapper
from operator import itemgetter
from typing import Any, BinaryIO

from labkit.analysis.analyse import Analysis
from labkit.output.format import sanitize
from labkit.results.document import document

FILE: str | None = None

# Stable: columns are only ever added, at the end.
TRIAL_COLUMNS = (
    "approach",
    "scenario",
    "repeat",
    "order",
    "traced",
    "server.workers",
    "server.worker_class",
    "server.worker_threads",
    "server.delay_s",
    "load.requests",
    "load.limit",
    "load.timeout_s",
    "load.handle_s",
    "outcome",
)
REQUEST_COLUMNS = (
    "id",
    "lane",
    "pid",
    "start_s",
    "connected_s",
    "sent_s",
    "first_byte_s",
    "end_s",
    "status",
    "bytes",
    "error",
    "server.worker",
    "server.start_s",
    "server.end_s",
    "server.status",
    "attempt",
    "server.did",
    "server.attempt",
)
LATER_TRIAL_COLUMNS = ("interpreter", "python", "gil")
COLUMNS = (*TRIAL_COLUMNS, *(f"request.{column}" for column in REQUEST_COLUMNS), *LATER_TRIAL_COLUMNS)


def write(analysis: Analysis, to: BinaryIO) -> None:
    """Trials in the order in which they ran, requests in the order in which they began."""
    text = TextIOWrapper(to, encoding="utf-8", newline="", write_through=True)
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for trial in sorted(document(analysis)["trials"], key=itemgetter("order")):
        of_trial, later = ([_cell(trial, name) for name in names] for names in (TRIAL_COLUMNS, LATER_TRIAL_COLUMNS))
        for request in trial["requests"]:
            rows.writerow([*of_trial, *(_cell(request, column) for column in REQUEST_COLUMNS), *later])
    text.detach()


def _cell(tree: dict[str, Any], path: str) -> Any:
    value: Any = tree
    for key in path.split("."):
        value = None if value is None else value[key]
    return sanitize(value) if isinstance(value, str) else value
