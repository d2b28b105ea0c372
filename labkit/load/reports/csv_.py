"""A row per load, for spreadsheets and data frames: the fields of its trial in the result document."""

from __future__ import annotations

from labkit.model.load import LoadRun
from labkit.output.page import Page
from labkit.reports.content.flat import CHECKS_COLUMN, flat
from labkit.results.load_document import document

# Stable: columns are only ever added, at the end. The first ones are the same in every row.
RUN_COLUMNS = ("id", "started_at", "seed", "environment.runtime", "stopped")
TRIAL_COLUMNS = (
    "approach",
    "scenario",
    "repeat",
    "order",
    "server.workers",
    "server.worker_class",
    "server.worker_threads",
    "server.delay_s",
    "load.mode",
    "load.users",
    "load.spawn_rate",
    "load.rate",
    "load.arrivals",
    "load.duration_s",
    "load.requests",
    "load.limit",
    "load.timeout_s",
    "load.processes",
    "outcome",
    "error",
    "python",
    "bound",
    "ideal_s",
    "makespan_s",
    "overhead_s",
    "efficiency",
    "cold_start_s",
    "arrivals",
    "begun",
    "ok",
    "failed",
    "unfinished",
    "not_begun",
    "late",
    "late_s",
    "latency_s.min",
    "latency_s.p50",
    "latency_s.p90",
    "latency_s.p99",
    "latency_s.max",
    "latency_s.mean",
    "response_s.min",
    "response_s.p50",
    "response_s.p90",
    "response_s.p99",
    "response_s.max",
    "response_s.mean",
    "percentiles",
    "throughput_per_s",
    "capacity_per_s",
    "max_in_flight",
    "server_max_in_flight",
    "threads_peak",
    "processes_peak",
    "cpu_s",
    "peak_memory_bytes",
    "requests_file",
    "load.handle_s",
    "traced",
)
COLUMNS = (*RUN_COLUMNS, *TRIAL_COLUMNS, CHECKS_COLUMN)


def render(run: LoadRun, page: Page) -> str:  # noqa: ARG001 - data is the same on every page
    """The rows under one header; `checks_failed` names the failed checks, with a space between them."""
    return flat(document(run), RUN_COLUMNS, TRIAL_COLUMNS)
