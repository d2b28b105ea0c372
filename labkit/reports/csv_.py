"""A row per trial that ran, for spreadsheets and data frames.

A column is named by the path of its field in the result document (``server.workers``, ``latency_s.p50``); seconds and
bytes are as they were measured, and what was not measured is an empty cell; ``failed_by_cause`` is a JSON object. How
the server behaves follows from the scenario and the seed. Text is quoted where CSV wants it and,
control characters apart, not changed: a spreadsheet may take an error that begins with ``=`` for a formula, but a sign
put before it would be wrong data for every other program.
"""

from __future__ import annotations

from labkit.analysis.analyse import analyse
from labkit.model import Comparison
from labkit.output.page import Page
from labkit.reports.content.flat import CHECKS_COLUMN, flat
from labkit.results.document import document

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
    "load.handle_s",
    "traced",
    "interpreter",
    "gil",
    "load.rate",
    "failed_by_cause",
    "attempts",
    "wasted_attempts",
    "refused",
    "longest_quiet_s",
    "handling_s",
)
COLUMNS = (*COMPARISON_COLUMNS, *TRIAL_COLUMNS, CHECKS_COLUMN)


def render(comparison: Comparison, page: Page) -> str:  # noqa: ARG001 - data is the same on every page
    """The rows under one header; `checks_failed` names the failed checks, with a space between them."""
    return flat(document(analyse(comparison)), COMPARISON_COLUMNS, TRIAL_COLUMNS)
