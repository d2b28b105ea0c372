"""The result document, schema ``concurrency-lab/comparison/1``: what ``--format json`` prints and result.json holds."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from labkit.analysis.baseline import COUNTERPART, Agreement, agreements
from labkit.analysis.metrics import trial_metrics
from labkit.analysis.summary import SummaryRow, summarise
from labkit.model import BASELINE, CheckedTrial, Comparison, GridPoint, Plan, PlannedTrial, RequestRow, Trace

SCHEMA = "concurrency-lab/comparison/1"


def document(comparison: Comparison) -> dict[str, Any]:
    """The comparison as plain data, ready for JSON."""
    return {
        "schema": SCHEMA,
        "mode": comparison.mode,
        "id": comparison.id,
        "started_at": comparison.started_at,
        "command": comparison.command,
        "rerun_of": comparison.rerun_of,
        "seed": comparison.plan.seed,
        "environment": asdict(comparison.environment),
        "plan": _plan(comparison.plan),
        "unavailable": comparison.unavailable,
        "trials": [trial_document(checked) for checked in comparison.trials],
        "summary": [_summary(row) for row in summarise(comparison)],
        "agreement": [_agreement(each) for each in agreements(comparison)],
        "warnings": [asdict(notice) for notice in comparison.notices],
    }


def trial_document(checked: CheckedTrial) -> dict[str, Any]:
    """One trial: its figures, its raw rows and its checks."""
    trial, planned, derived = checked.trial, checked.trial.planned, trial_metrics(checked.trial)
    return {
        "approach": planned.approach,
        "repeat": planned.repeat,
        "order": planned.order,
        "traced": planned.traced,
        **_point(planned.point),
        "outcome": trial.outcome,
        "error": trial.error,
        "python": trial.python,
        "gil": trial.gil,
        "bound": planned.bound,
        "ideal_s": planned.ideal_s,
        "makespan_s": trial.makespan_s,
        "overhead_s": derived.overhead_s,
        "efficiency": derived.efficiency,
        "cold_start_s": trial.cold_start_s,
        "ok": derived.ok,
        "failed": derived.failed,
        "failed_by_cause": derived.failed_by_cause,
        "attempts": derived.attempts,
        "wasted_attempts": derived.wasted_attempts,
        "refused": derived.refused,
        "longest_quiet_s": derived.longest_quiet_s,
        "handling_s": derived.handling_s,
        "latency_s": asdict(derived.latency) if derived.latency else None,
        "max_in_flight": derived.max_in_flight,
        "server_max_in_flight": derived.server_max_in_flight,
        "threads_peak": derived.threads_peak,
        "processes_peak": derived.processes_peak,
        "cpu_s": derived.cpu_s,
        "server_cpu_s": trial.server_cpu_s,
        "machine_cpu_s": trial.machine_cpu_s,
        "cpus": trial.cpus,
        "peak_memory_bytes": derived.peak_memory_bytes,
        "requests": [_request(row) for row in trial.requests],
        "unmatched": [asdict(row) for row in trial.unmatched],
        "answers": trial.answers,
        "causes": trial.causes,
        "samples": [asdict(sample) for sample in trial.samples],
        "trace": _trace(trial.trace) if trial.trace else None,
        "last_lines": trial.last_lines,
        "checks": [asdict(check) for check in checked.checks],
    }


def _plan(plan: Plan) -> dict[str, Any]:
    """What was to be run, whether it came to that or not."""
    blocks = [{**_point(block.point), "trials": [_planned(trial) for trial in block.trials]} for block in plan.blocks]
    return {"approaches": plan.approaches, "left_out": plan.left_out, "blocks": blocks}


def _planned(trial: PlannedTrial) -> dict[str, Any]:
    values = asdict(trial)
    del values["point"]
    return values


def _trace(trace: Trace) -> dict[str, Any]:
    """Lanes with their spans as [state, start_s, end_s, derived]: there are thousands."""
    lanes = [
        {
            "kind": lane.kind,
            "pid": lane.pid,
            "tid": lane.tid,
            "name": lane.name,
            "spans": [[span.state, span.start_s, span.end_s, span.derived] for span in lane.spans],
        }
        for lane in trace.lanes
    ]
    return {"lanes": lanes, "gaps": trace.gaps, "unseen": trace.unseen}


def _point(point: GridPoint) -> dict[str, Any]:
    """`interpreter` is what was asked for; a trial's `python` is the version that it found there."""
    return {
        "scenario": point.scenario,
        "interpreter": point.python,
        "server": asdict(point.server),
        "load": asdict(point.load),
    }


def _request(row: RequestRow) -> dict[str, Any]:
    values = asdict(row)
    if row.server is not None:
        del values["server"]["id"]  # it is the request's
    return values


def _summary(row: SummaryRow) -> dict[str, Any]:
    values = asdict(row)
    del values["point"], values["makespan"]
    return {
        **values,
        **_point(row.point),
        "makespan_s": asdict(row.makespan) if row.makespan else None,
    }


def _agreement(each: Agreement) -> dict[str, Any]:
    return {
        **_point(each.point),
        "figure": each.figure,
        COUNTERPART: asdict(each.counterpart),
        BASELINE: asdict(each.baseline),
        "ok": each.ok,
        "supported": each.supported,
    }
