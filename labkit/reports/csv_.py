"""A row per trial that ran, for spreadsheets and data frames.

A column is named by the path of its field in the result document (``server.workers``, ``latency_s.p50``); seconds and
bytes are as they were measured, and what was not measured is an empty cell. Text is quoted where CSV wants it and,
control characters apart, not changed: a spreadsheet may take an error that begins with ``=`` for a formula, but a sign
put before it would be wrong data for every other program.
"""

from __future__ import annotations

import csv
from io import StringIO
from typing import Any

from labkit.document import document
from labkit.model import Comparison
from labkit.reports import Page
from labkit.reports.parts.text import visible

# Stable: columns are only ever added, at the end. The first ones are the same in every row of a comparison.
COMPARISON_COLUMNS = ("id", "started_at", "seed", "environment.runtime")
TRIAL_COLUMNS = (
    "approach",
    "scenario",
    "repeat",
    "order",
    "server.workers",
    "server.worker_class",
    "server.worker_threads",
    "server.delay_s",
    "load.requests",
    "load.limit",
    "load.timeout_s",
    "outcome",
    "error",
    "python",
    "bound",
    "ideal_s",
    "makespan_s",
    "overhead_s",
    "efficiency",
    "cold_start_s",
    "ok",
    "failed",
    "latency_s.min",
    "latency_s.p50",
    "latency_s.p90",
    "latency_s.p99",
    "latency_s.max",
    "max_in_flight",
    "server_max_in_flight",
    "threads_peak",
    "processes_peak",
    "cpu_s",
    "server_cpu_s",
    "machine_cpu_s",
    "cpus",
    "peak_memory_bytes",
)
CHECKS_COLUMN = "checks_failed"
COLUMNS = (*COMPARISON_COLUMNS, *TRIAL_COLUMNS, CHECKS_COLUMN)


def render(comparison: Comparison, page: Page) -> str:  # noqa: ARG001 - data is the same on every page
    """The rows under one header; `checks_failed` names the failed checks, with a space between them."""
    whole = document(comparison)
    text = StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for trial in whole["trials"]:
        failed = " ".join(check["name"] for check in trial["checks"] if check["ok"] is False)
        cells = [_at(whole, path) for path in COMPARISON_COLUMNS] + [_at(trial, path) for path in TRIAL_COLUMNS]
        rows.writerow([visible(cell) if isinstance(cell, str) else cell for cell in (*cells, failed)])
    return text.getvalue().rstrip("\n")


def _at(tree: dict[str, Any], path: str) -> Any:
    value: Any = tree
    for key in path.split("."):
        value = None if value is None else value[key]
    return value
