"""A comparison from its document: the inverse of `labkit.results.document.document`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from itertools import groupby
from typing import Any

from labkit.model import (
    Block,
    CheckedTrial,
    Comparison,
    GridPoint,
    LaneRow,
    Notice,
    Plan,
    PlannedTrial,
    RequestRow,
    ServerRow,
    Span,
    Trace,
    Trial,
)
from labkit.results.decode import decode
from labkit.results.schema import SavedBlock, SavedComparison, SavedPlan, SavedRequest, SavedTrace, SavedTrial


def comparison_of(document: Mapping[str, Any]) -> Comparison:
    """The comparison that `document` tells of; what follows from its raw rows is not read. Raises `Damaged`.

    ``plan``, ``unavailable`` and ``traced`` were added to the schema later. Of a document without a plan, the plan is
    what ran; how long those trials might have taken is then what the lab allows by itself.
    """
    saved = decode(SavedComparison, document)
    plan = _what_ran(saved) if saved.plan is None else _plan(saved.plan, saved.seed)
    return Comparison(
        id=saved.id,
        started_at=saved.started_at,
        command=saved.command,
        plan=plan,
        environment=saved.environment,
        trials=_trials(saved.trials, plan),
        unavailable=_told_unavailable(saved.warnings) if saved.unavailable is None else saved.unavailable,
        notices=saved.warnings,
        mode=saved.mode,
        rerun_of=saved.rerun_of,
    )


def _plan(plan: SavedPlan, seed: int) -> Plan:
    return Plan(tuple(map(_block, plan.blocks)), plan.approaches, seed, plan.left_out)


def _block(block: SavedBlock) -> Block:
    point = GridPoint(block.server, block.load, block.scenario, block.interpreter)
    return Block(point, tuple(PlannedTrial(point=point, **_values(trial)) for trial in block.trials))


def _values(row: Any) -> dict[str, Any]:
    """The fields of `row`, not copied: `asdict` would take them apart all the way down."""
    return {field.name: getattr(row, field.name) for field in fields(row)}


def _what_ran(saved: SavedComparison) -> Plan:
    in_order = sorted((_planned(trial, _timeout_s(trial)) for trial in saved.trials), key=lambda trial: trial.order)
    blocks = groupby(in_order, key=lambda trial: (trial.repeat, trial.point))
    names = [row.approach for row in saved.summary] + [trial.approach for trial in saved.trials]
    left_out = [notice.message.removeprefix("left out: ") for notice in saved.warnings if notice.code == "left_out"]
    return Plan(
        tuple(Block(point, tuple(trials)) for (_, point), trials in blocks),
        tuple(dict.fromkeys(names)),
        saved.seed,
        tuple(left_out),
    )


def _timeout_s(trial: SavedTrial) -> float:
    return 10 + 2 * trial.load.requests * trial.server.delay_s


def _told_unavailable(notices: Sequence[Notice]) -> dict[str, str]:
    """From before the document said it in so many words."""
    told = [notice.message.partition(" ") for notice in notices if notice.code == "unavailable"]
    return {name: reason for name, _, reason in told}


def _trials(trials: Sequence[SavedTrial], plan: Plan) -> tuple[CheckedTrial, ...]:
    timeouts = {planned.order: planned.timeout_s for planned in plan.trials}
    return tuple(
        CheckedTrial(_trial(trial, _planned(trial, timeouts.get(trial.order, _timeout_s(trial)))), trial.checks)
        for trial in trials
    )


def _planned(trial: SavedTrial, timeout_s: float) -> PlannedTrial:
    return PlannedTrial(
        approach=trial.approach,
        point=GridPoint(trial.server, trial.load, trial.scenario, trial.interpreter),
        repeat=trial.repeat,
        order=trial.order,
        bound=trial.bound,
        ideal_s=trial.ideal_s,
        timeout_s=timeout_s,
        traced=trial.traced,
    )


def _trial(trial: SavedTrial, planned: PlannedTrial) -> Trial:
    return Trial(
        planned=planned,
        outcome=trial.outcome,
        error=trial.error,
        python=trial.python,
        cold_start_s=trial.cold_start_s,
        makespan_s=trial.makespan_s,
        requests=tuple(map(_request, trial.requests)),
        unmatched=trial.unmatched,
        samples=trial.samples,
        answers=trial.answers,
        cpu_s=trial.cpu_s,
        machine_cpu_s=trial.machine_cpu_s,
        server_cpu_s=trial.server_cpu_s,
        cpus=trial.cpus,
        last_lines=trial.last_lines,
        trace=None if trial.trace is None else _trace(trial.trace),
        causes=trial.causes,
        gil=trial.gil,
    )


def _request(row: SavedRequest) -> RequestRow:
    served = row.server
    if served is None:
        return RequestRow(**_values(row))
    # The server's status was added later; what the client saw is the same, if it saw any.
    status = served.status if served.status is not None else row.status or 0
    return RequestRow(**_values(row) | {"server": ServerRow(id=row.id, **_values(served) | {"status": status})})


def _trace(trace: SavedTrace) -> Trace:
    lanes = (
        LaneRow(lane.kind, lane.pid, lane.tid, lane.name, tuple(Span(*span) for span in lane.spans))
        for lane in trace.lanes
    )
    return Trace(tuple(lanes), trace.gaps, trace.unseen)
