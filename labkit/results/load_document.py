"""The result document of a load, schema ``concurrency-lab/comparison/1`` as a comparison's, with ``"mode": "load"``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from labkit.model.load import LATE_S, Closed, LoadPlan, LoadRun, LoadTrial, Open, requests_file, verdict
from labkit.results.document import SCHEMA

APPROACH = "locust"
SCENARIO = "baseline"


def document(run: LoadRun) -> dict[str, Any]:
    """All loads as plain data, ready for JSON; the rows of their requests are in files of their own."""
    return {
        "schema": SCHEMA,
        "mode": "load",
        "id": run.id,
        "started_at": run.started_at,
        "command": run.command,
        "seed": run.seed,
        "environment": asdict(run.environment),
        "trials": [trial_document(trial) for trial in run.trials],
        "summary": [_summary(trial) for trial in run.trials],
        "thresholds": [asdict(verdict) for verdict in run.verdicts],
        "stopped": run.stopped,
        "knee": asdict(run.knee) if run.knee else None,
        "warnings": [asdict(notice) for notice in run.notices],
    }


def trial_document(trial: LoadTrial) -> dict[str, Any]:
    """One load: its figures and its checks. `late_s` is how much after its time an arrival counts as `late`."""
    plan, counts = trial.plan, trial.counts
    return {
        "approach": APPROACH,
        "repeat": 1,
        "order": plan.order,
        "traced": False,
        **_point(plan),
        "outcome": trial.outcome,
        "error": trial.error,
        "python": trial.python,
        "bound": plan.shape.users,
        "ideal_s": None,
        "makespan_s": trial.makespan_s,
        "overhead_s": None,
        "efficiency": None,
        "cold_start_s": trial.cold_start_s,
        **asdict(counts),
        "late_s": LATE_S,
        "latency_s": asdict(trial.latency) if trial.latency else None,
        "response_s": asdict(trial.response) if trial.response else None,
        "percentiles": trial.percentiles,
        "throughput_per_s": trial.throughput_per_s,
        "capacity_per_s": plan.capacity_per_s,
        "max_in_flight": trial.max_in_flight,
        "server_max_in_flight": trial.server_max_in_flight,
        "threads_peak": trial.threads_peak,
        "processes_peak": trial.processes_peak,
        "cpu_s": trial.cpu_s,
        "peak_memory_bytes": trial.peak_memory_bytes,
        "requests": None,
        "requests_file": requests_file(plan),
        "errors": [{"what": what, "count": number} for what, number in trial.errors],
        "seconds": [asdict(second) for second in trial.seconds],
        "trace": None,
        "last_lines": trial.last_lines,
        "checks": [asdict(check) for check in trial.checks],
    }


def _point(plan: LoadPlan) -> dict[str, Any]:
    shape: dict[str, Any]
    match plan.shape:
        case Closed(users, spawn_rate):
            shape = {"mode": "closed", "users": users, "spawn_rate": spawn_rate, "rate": None, "arrivals": None}
        case Open(rate, arrivals, _, users):
            shape = {"mode": "open", "users": users, "spawn_rate": None, "rate": rate, "arrivals": arrivals}
    server = asdict(plan.server)
    del server["behaviour"]  # under load it takes its time, and does nothing else
    return {
        "scenario": SCENARIO,
        "server": server,
        "load": {
            **shape,
            "duration_s": plan.duration_s,
            "requests": plan.requests,
            "limit": plan.shape.users,
            "timeout_s": plan.timeout_s,
            "handle_s": 0.0,
            "processes": plan.processes,
        },
    }


def _summary(trial: LoadTrial) -> dict[str, Any]:
    """A load is not repeated: the figures are its own, and there is nothing to compare it with."""
    return {
        "approach": APPROACH,
        **_point(trial.plan),
        "trials": 1,
        "ranked": int(trial.sound),
        "ideal_s": None,
        "makespan_s": _makespan(trial),
        "efficiency": None,
        "overhead_s": None,
        "speedup_vs_sync": None,
        "cold_start_s": trial.cold_start_s,
        "max_in_flight": trial.max_in_flight,
        "threads_peak": trial.threads_peak,
        "processes_peak": trial.processes_peak,
        "cpu_s": trial.cpu_s,
        "peak_memory_bytes": trial.peak_memory_bytes,
        "failed": trial.counts.failed,
        "verdict": verdict(trial),
    }


def _makespan(trial: LoadTrial) -> dict[str, float | None] | None:
    """The makespan of a load that ran to its end; any other tells nothing."""
    if trial.outcome != "ok" or trial.makespan_s is None:
        return None
    return {"median": trial.makespan_s, "min": trial.makespan_s, "max": trial.makespan_s, "ci95": None}
