"""A comparison's document as it is on disk, as far as it is read back: its fields are those of the schema.

A field with a default was added to the schema after others had been written without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from labkit.model import Check, Environment, Load, Notice, Outcome, SampleRow, ServerConfig, ServerRow, State


@dataclass(frozen=True, slots=True)
class SavedServed:
    """A request's row in the server's log; its id is the request's."""

    worker: int
    start_s: float
    end_s: float
    status: int | None = None
    did: str = "answer"
    attempt: int | None = None


@dataclass(frozen=True, slots=True)
class SavedRequest:
    """As `labkit.model.RequestRow`."""

    id: int | str
    lane: str
    pid: int
    start_s: float
    connected_s: float | None
    sent_s: float | None
    first_byte_s: float | None
    end_s: float | None
    status: int | None
    bytes: int | None
    error: str | None
    server: SavedServed | None
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class SavedLane:
    """As `labkit.model.LaneRow`, with a list for each span."""

    kind: Literal["thread", "task"]
    pid: int
    tid: int
    name: str
    spans: tuple[tuple[State, float, float, bool], ...]


@dataclass(frozen=True, slots=True)
class SavedTrace:
    """As `labkit.model.Trace`."""

    lanes: tuple[SavedLane, ...]
    gaps: tuple[tuple[float, float], ...]
    unseen: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SavedTrial:
    """A trial: what was planned and what was measured, on one level."""

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
    trace: SavedTrace | None = None
    interpreter: str | None = None
    causes: tuple[str | None, ...] | None = None
    gil: bool | None = None


@dataclass(frozen=True, slots=True)
class SavedPlannedTrial:
    """As `labkit.model.PlannedTrial`, without the grid point, which is its block's."""

    approach: str
    repeat: int
    order: int
    bound: int
    ideal_s: float
    timeout_s: float
    traced: bool


@dataclass(frozen=True, slots=True)
class SavedBlock:
    """As `labkit.model.Block`."""

    scenario: str
    server: ServerConfig
    load: Load
    trials: tuple[SavedPlannedTrial, ...]
    interpreter: str | None = None


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """As `labkit.model.Plan`, without the seed."""

    approaches: tuple[str, ...]
    left_out: tuple[str, ...]
    blocks: tuple[SavedBlock, ...]


@dataclass(frozen=True, slots=True)
class SavedSummary:
    """Whom a row of the summary is about; the rows are in the order in which the approaches were asked for."""

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
