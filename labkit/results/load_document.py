"""The result document of a load, schema ``concurrency-lab/comparison/1`` as a comparison's, with ``"mode": "load"``."""

from __future__ import annotations

from typing import Any

from msgspec import to_builtins

from labkit.model import BASELINE
from labkit.model.load import LATE_S, Closed, LoadPlan, LoadRun, LoadTrial, Open, requests_file, verdict
from labkit.results.document import SCHEMA

SCENARIO = "baseline"
# A comparison's fields that a load has no value for.
NOT_APPLICABLE = {"ideal_s": None, "overhead_s": None, "efficiency": None}


def document(run: LoadRun) -> dict[str, Any]:
    """Turn all loads into plain data, ready for JSON; the rows of their requests are in files of their own."""
    return {
        "schema": SCHEMA,
        "mode": "load",
        "id": run.id,
        "started_at": run.started_at,
        "command": run.command,
        "seed": run.seed,
        "environment": to_builtins(run.environment),
        "trials": [trial_document(trial) for trial in run.trials],
        "summary": [_summary(trial) for trial in run.trials],
        "thresholds": to_builtins(run.verdicts),
        "stopped": run.stopped,
        "knee": to_builtins(run.knee),
        "warnings": to_builtins(run.notices),
    }


def trial_document(trial: LoadTrial) -> dict[str, Any]:
    """One load: its figures and its checks. An arrival counts as `late` when it begins over `late_s` after its time."""
    plan, values = trial.plan, to_builtins(trial)
    del values["plan"]
    return {
        "approach": BASELINE,
        "repeat": 1,
        "order": plan.order,
        "traced": False,
        **_point(plan),
        "bound": plan.shape.users,
        **NOT_APPLICABLE,
        **values.pop("counts"),
        "late_s": LATE_S,
        "latency_s": values.pop("latency"),
        "response_s": values.pop("response"),
        "capacity_per_s": plan.capacity_per_s,
        "requests": None,
        "requests_file": requests_file(plan),
        "trace": None,
        **values,
        "errors": [{"what": what, "count": count} for what, count in trial.errors],
    }


def _point(plan: LoadPlan) -> dict[str, Any]:
    shape: dict[str, Any]
    match plan.shape:
        case Closed(users, spawn_rate):
            shape = {"mode": "closed", "users": users, "spawn_rate": spawn_rate, "rate": None, "arrivals": None}
        case Open(rate, arrivals, _, users):
            shape = {"mode": "open", "users": users, "spawn_rate": None, "rate": rate, "arrivals": arrivals}
    server = to_builtins(plan.server)
    del server["behaviour"]  # a load has a fixed delay and no faults
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
    """A load runs once: the summary repeats its figures, and there is nothing to compare it with."""
    return {
        "approach": BASELINE,
        **_point(trial.plan),
        "trials": 1,
        "ranked": int(trial.sound),
        **NOT_APPLICABLE,
        "makespan_s": _makespan(trial),
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
    """The makespan of a load that ran to its end; None for any other."""
    if trial.outcome != "ok" or trial.makespan_s is None:
        return None
    return {"median": trial.makespan_s, "min": trial.makespan_s, "max": trial.makespan_s, "ci95": None}
