"""A comparison from its document: the inverse of `labkit.results.document.document`.

The types below are those of the document where it differs from the model; everywhere else msgspec decodes the model's
own types. Values that follow from raw rows are not read. A field with a default was added to the schema later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import groupby
from typing import Any, Literal

from msgspec.json import Decoder

from labkit.model import (
    Block,
    Check,
    CheckedTrial,
    Comparison,
    Environment,
    GridPoint,
    Load,
    Notice,
    Outcome,
    Plan,
    PlannedTrial,
    RequestRow,
    SampleRow,
    ServerConfig,
    ServerRow,
    Trace,
    Trial,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedServerRow(ServerRow):
    """The document omits the id, which is the request's."""

    id: int | str = 0
    status: int = 0


@dataclass(frozen=True, slots=True)
class SavedRequest(RequestRow):
    server: SavedServerRow | None


@dataclass(frozen=True, slots=True)
class SavedTrial:
    """Planned and measured values on one level."""

    approach: str
    repeat: int
    order: int
    scenario: str
    server: ServerConfig
    load: Load
    outcome: Outcome
    error: str | None
    python: str | None
    bound: int
    ideal_s: float
    makespan_s: float | None
    cold_start_s: float | None
    cpu_s: float | None
    server_cpu_s: float | None
    machine_cpu_s: float | None
    cpus: int | None
    requests: tuple[SavedRequest, ...]
    unmatched: tuple[ServerRow, ...]
    answers: tuple[int | str | None, ...] | None
    samples: tuple[SampleRow, ...]
    last_lines: tuple[str, ...]
    checks: tuple[Check, ...]
    traced: bool = False
    trace: Trace | None = None
    interpreter: str | None = None
    causes: tuple[str | None, ...] | None = None
    gil: bool | None = None


@dataclass(frozen=True, slots=True)
class SavedPlannedTrial:
    """Its grid point is its block's."""

    approach: str
    repeat: int
    order: int
    bound: int
    ideal_s: float
    timeout_s: float
    traced: bool


@dataclass(frozen=True, slots=True)
class SavedBlock:
    scenario: str
    server: ServerConfig
    load: Load
    trials: tuple[SavedPlannedTrial, ...]
    interpreter: str | None = None


@dataclass(frozen=True, slots=True)
class SavedPlan:
    approaches: tuple[str, ...]
    left_out: tuple[str, ...]
    blocks: tuple[SavedBlock, ...]


@dataclass(frozen=True, slots=True)
class SavedSummary:
    """The rows are in the order in which the user named the approaches."""

    approach: str


@dataclass(frozen=True, slots=True)
class SavedComparison:
    """The whole document."""

    id: str
    started_at: str
    command: str
    seed: int
    environment: Environment
    trials: tuple[SavedTrial, ...]
    summary: tuple[SavedSummary, ...]
    warnings: tuple[Notice, ...]
    mode: Literal["compare", "trace"] = "compare"
    plan: SavedPlan | None = None
    unavailable: dict[str, str] | None = None
    rerun_of: str | None = None


DOCUMENT, TRIAL = Decoder(SavedComparison), Decoder(SavedTrial)


def decode_comparison(data: bytes) -> Comparison:
    """Decode a document. Raises ValueError, or RecursionError for one nested too deeply."""
    return restore(DOCUMENT.decode(data))


def restore(saved: SavedComparison) -> Comparison:
    """Restore the comparison.

    The plan of a document without one holds the trials that ran, each with the time that the lab allows by default.
    """
    plan = _plan_of_trials(saved) if saved.plan is None else _plan(saved.plan, saved.seed)
    timeouts_s = {planned.order: planned.timeout_s for planned in plan.trials}
    return Comparison(
        id=saved.id,
        started_at=saved.started_at,
        command=saved.command,
        plan=plan,
        environment=saved.environment,
        trials=tuple(_trial(trial, timeouts_s.get(trial.order)) for trial in saved.trials),
        unavailable=_unavailable(saved.warnings) if saved.unavailable is None else saved.unavailable,
        notices=saved.warnings,
        mode=saved.mode,
        rerun_of=saved.rerun_of,
    )


def shared_fields(row: Any, kind: type[Any]) -> dict[str, Any]:
    """The values in `row` of the fields that the dataclass `kind` has as well."""
    return {field.name: getattr(row, field.name) for field in fields(kind) if hasattr(row, field.name)}


def _plan(plan: SavedPlan, seed: int) -> Plan:
    return Plan(tuple(map(_block, plan.blocks)), plan.approaches, seed, plan.left_out)


def _block(block: SavedBlock) -> Block:
    point = _point(block)
    trials = (PlannedTrial(point=point, **shared_fields(trial, PlannedTrial)) for trial in block.trials)
    return Block(point, tuple(trials))


def _point(row: SavedBlock | SavedTrial) -> GridPoint:
    return GridPoint(row.server, row.load, row.scenario, row.interpreter)


def _plan_of_trials(saved: SavedComparison) -> Plan:
    in_order = sorted((_planned(trial, None) for trial in saved.trials), key=lambda trial: trial.order)
    blocks = groupby(in_order, key=lambda trial: (trial.repeat, trial.point))
    names = [row.approach for row in saved.summary] + [trial.approach for trial in saved.trials]
    left_out = [notice.message.removeprefix("left out: ") for notice in saved.warnings if notice.code == "left_out"]
    return Plan(
        tuple(Block(point, tuple(trials)) for (_, point), trials in blocks),
        tuple(dict.fromkeys(names)),
        saved.seed,
        tuple(left_out),
    )


def _unavailable(notices: Sequence[Notice]) -> dict[str, str]:
    """From the notices of a document without the field."""
    messages = [notice.message.partition(" ") for notice in notices if notice.code == "unavailable"]
    return {name: reason for name, _, reason in messages}


def _planned(trial: SavedTrial, timeout_s: float | None) -> PlannedTrial:
    default_s = 10 + 2 * trial.load.requests * trial.server.delay_s
    return PlannedTrial(
        point=_point(trial),
        timeout_s=default_s if timeout_s is None else timeout_s,
        **shared_fields(trial, PlannedTrial),
    )


def _trial(saved: SavedTrial, timeout_s: float | None) -> CheckedTrial:
    measured = shared_fields(saved, Trial) | {"requests": tuple(map(_request, saved.requests))}
    return CheckedTrial(Trial(planned=_planned(saved, timeout_s), **measured), saved.checks)


def _request(row: SavedRequest) -> RequestRow:
    values, server = shared_fields(row, RequestRow), row.server
    if server is not None:
        # A row without the server's status has the client's, where it received one.
        own = {"id": row.id, "status": server.status or row.status or 0}
        values["server"] = ServerRow(**shared_fields(server, ServerRow) | own)
    return RequestRow(**values)
