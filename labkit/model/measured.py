"""Measurements: the raw rows of trials, their checks, and the environment.

Times of a trial are seconds from its start signal; sizes are bytes. A value that was not measured is None.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from labkit.model.planned import Plan, PlannedTrial

Outcome = Literal["ok", "failed", "crashed", "timeout", "interrupted"]
State = Literal["running", "io", "gil", "core", "lock", "sleep", "child", "ready"]
STATES: dict[State, str] = {
    "running": "running",
    "io": "waiting for I/O",
    "gil": "waiting for the GIL",
    "core": "waiting for a core",
    "lock": "waiting for a lock",
    "sleep": "sleeping",
    "child": "waiting for a child process",
    "ready": "ready, waiting for the loop",
}


@dataclass(frozen=True, slots=True)
class ServerRow:
    """A request as the server logged it. `worker` is the worker's process id as the server sees it.

    `did` is the server's action: a kind of `server.behaviour.Act`, or ``refused`` or ``banned``. `attempt` counts the
    requests with this id from 1; None if the server does not count them.
    """

    id: int | str
    worker: int
    start_s: float
    end_s: float
    status: int
    did: str = "answer"
    attempt: int | None = None


@dataclass(frozen=True, slots=True)
class RequestRow:
    """An attempt at a request as the client made it; `end_s` is None if it never ended.

    `server` is its row in the server's log. `attempt` counts the attempts at this request from 1.
    """

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
    server: ServerRow | None
    attempt: int = 1

    @property
    def answered(self) -> bool:
        """True if the whole answer arrived, with a status below 400."""
        return self.end_s is not None and self.error is None and self.status is not None and self.status < 400

    @property
    def latency_s(self) -> float | None:
        return None if self.end_s is None else self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class SampleRow:
    """The approach's processes, measured from outside. `in_flight` counts the open sockets that wait for an answer."""

    t_s: float
    threads: int
    processes: int
    cpu_s: float
    memory_bytes: int | None
    in_flight: int | None


class Span(NamedTuple):
    """A state of a lane from `start_s` to `end_s`; a `derived` one was not observed but follows from others."""

    state: State
    start_s: float
    end_s: float
    derived: bool = False


@dataclass(frozen=True, slots=True)
class LaneRow:
    """One thread (kind ``thread``) or asyncio task (``task``) of a traced trial, its spans in the order of time."""

    kind: Literal["thread", "task"]
    pid: int
    tid: int
    name: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """The states of a trial's threads and tasks.

    In `gaps` (start, end) nothing was sampled; `unseen` names the states that are unavailable here, and why.
    """

    lanes: tuple[LaneRow, ...]
    gaps: tuple[tuple[float, float], ...]
    unseen: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial as measured: the raw rows, from which all its metrics follow.

    `answers` are the request ids at the start of the returned bodies, in their order; for an exception in the place of
    a body, `causes` holds its text. `gil` is True if the interpreter has one. `unmatched` are rows of the server's log
    without a request of the client. `machine_cpu_s` is the whole machine's processor time during the trial,
    `server_cpu_s` the server's part of it.
    """

    planned: PlannedTrial
    outcome: Outcome
    error: str | None
    python: str | None
    cold_start_s: float | None
    makespan_s: float | None
    requests: tuple[RequestRow, ...] = ()
    unmatched: tuple[ServerRow, ...] = ()
    samples: tuple[SampleRow, ...] = ()
    answers: tuple[int | str | None, ...] | None = None
    cpu_s: float | None = None
    machine_cpu_s: float | None = None
    server_cpu_s: float | None = None
    cpus: int | None = None
    last_lines: tuple[str, ...] = ()
    trace: Trace | None = None
    causes: tuple[str | None, ...] | None = None
    gil: bool | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One condition for a trial's figures to be trusted; `ok` is None if it could not be examined."""

    name: str
    ok: bool | None
    detail: str


@dataclass(frozen=True, slots=True)
class CheckedTrial:
    """A trial with the result of every check."""

    trial: Trial
    checks: tuple[Check, ...]

    @property
    def rankable(self) -> bool:
        """True if its makespan may be compared with others."""
        sound = self.trial.outcome == "ok" and all(check.ok is not False for check in self.checks)
        return sound and not self.trial.planned.traced


@dataclass(frozen=True, slots=True)
class Notice:
    """A message about the whole comparison, and a hint at the next step."""

    code: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Environment:
    """The runtime, software and machine of the trials."""

    runtime: str
    runtime_reason: str
    python: str | None
    docker: str | None
    compose: str | None
    cpus: int | None
    memory_bytes: int | None
    kernel: str
    images: dict[str, str]
    packages: dict[str, str]
    git_commit: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All trials of one `compare`, or the single one of a `trace`.

    `unavailable` maps the label of each approach that cannot run here to the reason. `rerun_of` is the id of the
    comparison that this one repeats.
    """

    id: str
    started_at: str
    command: str
    plan: Plan
    environment: Environment
    trials: tuple[CheckedTrial, ...]
    unavailable: dict[str, str]
    notices: tuple[Notice, ...]
    mode: Literal["compare", "trace"] = "compare"
    rerun_of: str | None = None

    @property
    def complete(self) -> bool:
        """True if every trial ran to its end and every check held."""
        possible = sum(trial.label not in self.unavailable for trial in self.plan.trials)
        return len(self.trials) == possible and all(
            checked.trial.outcome == "ok" if checked.trial.planned.traced else checked.rankable
            for checked in self.trials
        )
