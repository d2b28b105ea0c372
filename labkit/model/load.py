"""What a load is and what came of it: frozen data. Times are seconds; those of a trial count from its start signal.

A load is closed or open. Under a closed one a fixed number of users each wait for an answer before they ask again,
so a slow server is asked less. Under an open one arrivals come at their own rate, whatever the server does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from labkit.model import Check, Environment, Notice, Outcome, ServerConfig

Arrivals = Literal["constant", "poisson"]
ARRIVALS: tuple[Arrivals, ...] = get_args(Arrivals)
# An arrival that begins later than this after its time came too late: an idle generator is on time within 1 to 2 ms.
SOUND = "sound"
LATE_S = 0.010


@dataclass(frozen=True, slots=True)
class Closed:
    """`users` users, each with one request at a time; `spawn_rate` of them start each second."""

    users: int
    spawn_rate: float


@dataclass(frozen=True, slots=True)
class Open:
    """`rate` arrivals a second on average, at most `users` of them in flight: the others wait for one to be free."""

    rate: float
    arrivals: Arrivals
    seed: int
    users: int


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """One load to be run: until `duration_s` is over or `requests` have begun, whichever comes first.

    `order` counts the loads of one `lab.py load` from 1. Requests may take `timeout_s` each, and those that are on
    their way at the end are waited for as long.
    """

    order: int
    server: ServerConfig
    shape: Closed | Open
    duration_s: float | None
    requests: int | None
    processes: int
    timeout_s: float

    @property
    def key(self) -> str:
        """Marks this load's requests on the wire and in the server's log."""
        return f"t{self.order}"

    @property
    def capacity_per_s(self) -> float | None:
        """Requests a second that the slots can answer at most: slots ÷ delay. None where nothing bounds it."""
        return None if self.server.slots is None else self.server.slots / self.server.delay_s


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Of all values, in seconds; see `LoadTrial.percentiles` for how exact."""

    min: float
    mean: float
    p50: float
    p90: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True)
class Counts:
    """Every arrival is in exactly one of `ok`, `failed`, `unfinished` and `not_begun`.

    `arrivals` were due (open) or begun (closed). `unfinished` began and never ended; `not_begun` were due, and no user
    was free for them until the end. `late` of them began more than `LATE_S` after their time (None: a closed load has
    no such time).
    """

    arrivals: int = 0
    begun: int = 0
    ok: int = 0
    failed: int = 0
    unfinished: int = 0
    not_begun: int = 0
    late: int | None = None


@dataclass(frozen=True, slots=True)
class Second:
    """What happened in one second of a load, counted by when it happened. `in_flight` and `waiting` are at its end."""

    t_s: int
    arrivals: int
    ok: int
    failed: int
    in_flight: int
    waiting: int
    p50_s: float | None
    p99_s: float | None


@dataclass(frozen=True, slots=True)
class Now:
    """The figures of a load that is running, over all of it so far.

    `in_flight` have begun and wait for an answer; `queue` of all that have arrived are not being served, because they
    are more than the server has slots (None where it has no such bound). Percentiles are None before the first answer;
    `response_*` count from the intended start and are None under a closed load.
    """

    elapsed_s: float
    counts: Counts
    in_flight: int
    queue: int | None
    p50_s: float | None
    p99_s: float | None
    response_p50_s: float | None
    response_p99_s: float | None
    throughput_per_s: float


@dataclass(frozen=True, slots=True)
class LoadTrial:
    """One load as it was measured.

    `latency` counts from each request's actual start, `response` from its intended one: what a user waits (None under a
    closed load). Both hold answered requests only; `percentiles` says how exact: ``exact``, or the name and the
    relative error of the sketch that took over. `errors` are (what, how many), the most frequent first.
    `throughput_per_s` is answered requests over `makespan_s`, which ends with the last answer, or over the duration of
    a load that lasted longer.
    """

    plan: LoadPlan
    outcome: Outcome
    error: str | None
    python: str | None
    cold_start_s: float | None
    makespan_s: float | None
    counts: Counts
    latency: Percentiles | None
    response: Percentiles | None
    percentiles: str
    throughput_per_s: float | None
    max_in_flight: int | None
    server_max_in_flight: int | None
    threads_peak: int | None
    processes_peak: int | None
    cpu_s: float | None
    peak_memory_bytes: int | None
    errors: tuple[tuple[str, int], ...]
    seconds: tuple[Second, ...]
    checks: tuple[Check, ...]
    last_lines: tuple[str, ...] = ()

    @property
    def checked(self) -> bool:
        """Whether every check held."""
        return all(check.ok is not False for check in self.checks)

    @property
    def answered(self) -> bool:
        """Whether the load ran to its end and was answered, though some requests may have failed."""
        return self.outcome == "ok" or (self.outcome == "failed" and self.counts.ok > 0)

    @property
    def sound(self) -> bool:
        """Whether the load ran to its end, no request failed, and every check held."""
        return self.outcome == "ok" and self.checked


@dataclass(frozen=True, slots=True)
class Verdict:
    """A threshold that a person set, and how it came out; `value` is None where there was nothing to measure."""

    text: str
    value: float | None
    failed: bool


@dataclass(frozen=True, slots=True)
class Knee:
    """What `--find-limit` found: the last rate that stayed within the bound, and the first that did not.

    Rates are arrivals a second. `last_good` is None when the first rate already failed, `first_bad` when none did.
    """

    last_good: float | None
    first_bad: float | None
    why: str
    capacity_per_s: float | None


@dataclass(frozen=True, slots=True)
class LoadRun:
    """All of one `lab.py load`. `stopped` says which threshold ended it early."""

    id: str
    started_at: str
    command: str
    seed: int
    environment: Environment
    trials: tuple[LoadTrial, ...]
    verdicts: tuple[Verdict, ...]
    stopped: str | None
    knee: Knee | None
    notices: tuple[Notice, ...]


def requests_file(plan: LoadPlan) -> str:
    """The name of the file that holds a load's requests, beside result.json."""
    return f"requests-{plan.order}.csv"


def verdict(trial: LoadTrial) -> str:
    """``sound``, or what speaks against the figures: how the load ended, or else the first check that failed."""
    if trial.outcome != "ok":
        return trial.outcome
    return next((check.name for check in trial.checks if check.ok is False), SOUND)
