"""The result document, schema ``concurrency-lab/comparison/1``: `--format json` prints it and result.json holds it."""

from __future__ import annotations

from typing import Any

from msgspec import to_builtins

from labkit.analysis.analyse import Analysis
from labkit.analysis.baseline import COUNTERPART, Agreement
from labkit.analysis.metrics import Metrics
from labkit.analysis.summary import SummaryRow
from labkit.model import BASELINE, CheckedTrial, GridPoint, Plan

SCHEMA = "concurrency-lab/comparison/1"


def document(analysis: Analysis) -> dict[str, Any]:
    """Turn the comparison and everything derived from it into plain data, ready for JSON."""
    comparison = analysis.comparison
    return {
        "schema": SCHEMA,
        "mode": comparison.mode,
        "id": comparison.id,
        "started_at": comparison.started_at,
        "command": comparison.command,
        "rerun_of": comparison.rerun_of,
        "seed": comparison.plan.seed,
        "environment": to_builtins(comparison.environment),
        "plan": _plan(comparison.plan),
        "unavailable": comparison.unavailable,
        "trials": list(map(trial_document, comparison.trials, analysis.metrics)),
        "summary": [_summary(row) for row in analysis.summary],
        "agreement": [_agreement(each) for each in analysis.agreements],
        "warnings": to_builtins(comparison.notices),
    }


def trial_document(checked: CheckedTrial, metrics: Metrics) -> dict[str, Any]:
    """One trial, its plan and its measurements on one level: raw rows, metrics and checks."""
    trial = to_builtins(checked.trial)
    planned = trial.pop("planned")
    del planned["point"], planned["timeout_s"], planned["ideal_without_gil_s"]
    for row in trial["requests"]:
        if row["server"] is not None:
            del row["server"]["id"]  # it is the request's
    return {
        **planned,
        **_point(checked.trial.planned.point),
        **trial,
        **to_builtins(metrics),
        "checks": to_builtins(checked.checks),
    }


def _plan(plan: Plan) -> dict[str, Any]:
    values: dict[str, Any] = to_builtins(plan)
    del values["seed"]
    for block, saved in zip(plan.blocks, values["blocks"], strict=True):
        del saved["point"]
        saved.update(_point(block.point))
        for trial in saved["trials"]:
            del trial["point"], trial["ideal_without_gil_s"]  # the point is the block's
    return values


def _point(point: GridPoint) -> dict[str, Any]:
    """`interpreter` is the requested one; a trial's `python` is the version found there."""
    values: dict[str, Any] = to_builtins(point)
    values["interpreter"] = values.pop("python")
    return values


def _summary(row: SummaryRow) -> dict[str, Any]:
    values: dict[str, Any] = to_builtins(row)
    del values["point"], values["latency_s"], values["server_max_in_flight"]
    values["makespan_s"] = values.pop("makespan")
    return values | _point(row.point)


def _agreement(each: Agreement) -> dict[str, Any]:
    return {
        **_point(each.point),
        "figure": each.figure,
        COUNTERPART: to_builtins(each.counterpart),
        BASELINE: to_builtins(each.baseline),
        "ok": each.ok,
        "supported": each.supported,
    }
