"""What came of it: the raw rows of trials, their checks, and where they ran.

Times of a trial are seconds counted from its start signal; sizes are bytes. What could not be measured is None.
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

    `did` is what it did to the request: a kind of `server.behaviour.Act`, or ``refused`` or ``banned``. `attempt`
    counts the requests with this id from 1; None where the server does not count them.
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
    """An attempt at a request as the client made it; `end_s` is None where it never ended.

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
        """Whether the whole answer arrived, with a status below 400."""
        return self.end_s is not None and self.error is None and self.status is not None and self.status < 400

    @property
    def latency_s(self) -> float | None:
        return None if self.end_s is None else self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class SampleRow:
    """The approach's processes from outside. `in_flight` counts the open sockets that wait for an answer."""

    t_s: float
    threads: int
    processes: int
    cpu_s: float
    memory_bytes: int | None
    in_flight: int | None


class Span(NamedTuple):
    """What a lane was doing from `start_s` to `end_s`; `derived` if it was not seen as such but follows from others."""

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
    """What the threads and tasks of a trial did.

    In `gaps` (start, end) nobody watched; `unseen` says which states cannot be had here, and why.
    """

    lanes: tuple[LaneRow, ...]
    gaps: tuple[tuple[float, float], ...]
    unseen: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial as it was measured: the raw rows. Everything else about it follows from these.

    `answers` are the request ids that the returned bodies begin with, in their order; where an exception stands in a
    body's place, `causes` holds what it says. `gil` is whether the interpreter has one. `unmatched` are rows of the
    server's log to which no request of the client belongs. `machine_cpu_s` is the whole machine's processor time
    during the trial, `server_cpu_s` the server's part of it.
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
    """Whether a trial's figures are honest in one respect; `ok` is None where that could not be told."""

    name: str
    ok: bool | None
    detail: str


@dataclass(frozen=True, slots=True)
class CheckedTrial:
    """A trial with the verdict of every check."""

    trial: Trial
    checks: tuple[Check, ...]

    @property
    def rankable(self) -> bool:
        """Whether its makespan may be compared with others."""
        sound = self.trial.outcome == "ok" and all(check.ok is not False for check in self.checks)
        return sound and not self.trial.planned.traced


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should know about the whole comparison, and what to do about it."""

    code: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Environment:
    """Where the trials ran."""

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
    """All trials of one `compare`, or of one `trace` its single one.

    `unavailable` maps what cannot run here, as it is `label`, to the reason. `rerun_of` is the id of what this
    repeats.
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
        """Whether every trial ran to its end and every check held."""
        wanted = sum(trial.label not in self.unavailable for trial in self.plan.trials)
        return len(self.trials) == wanted and all(
            checked.trial.outcome == "ok" if checked.trial.planned.traced else checked.rankable
            for checked in self.trials
        )
