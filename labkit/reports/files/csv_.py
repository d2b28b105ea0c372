"""One row per attempt at a request, for spreadsheets and data frames; `compare --format csv` has one row per trial.

Columns have the names of the fields in the result document. Seconds and bytes are unrounded; an empty cell was not
measured. Control characters in text are escaped.
"""

from __future__ import annotations

import csv
from io import TextIOWrapper
from typing import Any, BinaryIO

from labkit.analysis.analyse import Analysis
from labkit.output.format import sanitize

FILE: str | None = None

# Column: where a `Trial` has its value. Scripts rely on the order: new columns go to the end of `LATER_TRIAL_COLUMNS`.
TRIAL_COLUMNS = {
    "approach": "planned.approach",
    "scenario": "planned.point.scenario",
    "repeat": "planned.repeat",
    "order": "planned.order",
    "traced": "planned.traced",
    "server.workers": "planned.point.server.workers",
    "server.worker_class": "planned.point.server.worker_class",
    "server.worker_threads": "planned.point.server.worker_threads",
    "server.delay_s": "planned.point.server.delay_s",
    "load.requests": "planned.point.load.requests",
    "load.limit": "planned.point.load.limit",
    "load.timeout_s": "planned.point.load.timeout_s",
    "load.handle_s": "planned.point.load.handle_s",
    "outcome": "outcome",
}
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
LATER_TRIAL_COLUMNS = {"interpreter": "planned.point.python", "python": "python", "gil": "gil"}
COLUMNS = (*TRIAL_COLUMNS, *(f"request.{column}" for column in REQUEST_COLUMNS), *LATER_TRIAL_COLUMNS)


def write(analysis: Analysis, to: BinaryIO) -> None:
    """Write trials in the order in which they ran, requests in the order in which they started."""
    text = TextIOWrapper(to, encoding="utf-8", newline="", write_through=True)
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for trial in sorted((checked.trial for checked in analysis.comparison.trials), key=lambda t: t.planned.order):
        first, last = (
            [_cell(trial, path) for path in columns.values()] for columns in (TRIAL_COLUMNS, LATER_TRIAL_COLUMNS)
        )
        rows.writerows([*first, *(_cell(row, path) for path in REQUEST_COLUMNS), *last] for row in trial.requests)
    text.detach()


def _cell(row: Any, path: str) -> Any:
    for name in path.split("."):
        row = None if row is None else getattr(row, name)
    return sanitize(row) if isinstance(row, str) else row
