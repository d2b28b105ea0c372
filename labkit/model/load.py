"""Load tests, planned and measured: frozen data. Times are seconds; those of a trial count from its start signal.

A load is closed or open. In a closed load a fixed number of users each wait for an answer before the next request, so a
slow server gets fewer requests. In an open load requests arrive at their own rate, independent of the server.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from labkit.model import Check, Environment, Notice, Outcome, ServerConfig

Arrivals = Literal["constant", "poisson"]
ARRIVALS: tuple[Arrivals, ...] = get_args(Arrivals)
SOUND = "sound"
# An arrival that begins this much after its time is late: an idle generator is punctual within 1 to 2 ms.
LATE_S = 0.010


@dataclass(frozen=True, slots=True)
class Closed:
    """`users` users, each with one request at a time; `spawn_rate` of them start each second."""

    users: int
    spawn_rate: float


@dataclass(frozen=True, slots=True)
class Open:
    """`rate` arrivals per second on average, at most `users` of them in flight: the others wait for a free user."""

    rate: float
    arrivals: Arrivals
    seed: int
    users: int


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """One planned load. It ends after `duration_s`, or when `requests` have begun, whichever is first.

    `order` counts the loads of one `lab.py load` from 1. Each request may take `timeout_s`; requests in flight at the
    end are awaited for as long.
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
        """The most requests per second that the slots can answer: slots ÷ delay. None if the server sets no bound."""
        return None if self.server.slots is None else self.server.slots / self.server.delay_s


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Percentiles of all values, in seconds; `LoadTrial.percentiles` states their accuracy."""

    min: float
    mean: float
    p50: float
    p90: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True)
class Counts:
    """Every arrival is in exactly one of `ok`, `failed`, `unfinished` and `not_begun`.

    `arrivals` were due (open) or begun (closed). `unfinished` began and never ended; `not_begun` were due and found no
    free user before the end. `late` of them began more than `LATE_S` after their time (None in a closed load, whose
    requests have no such time).
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
    """The events in one second of a load. `in_flight` and `waiting` are counted at its end."""

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
    """The figures of a running load, from its start until now.

    `in_flight` requests have begun and wait for an answer; `queue` counts all arrivals beyond the server's slots (None
    if the server sets no bound). Percentiles are None before the first answer; `response_*` count from the intended
    start and are None in a closed load.
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
    """One load as measured.

    `latency` counts from each request's actual start, `response` from its intended one: the time that a user waits
    (None in a closed load). Both cover answered requests only; `percentiles` is ``exact``, or the name and the relative
    error of the sketch in use. `errors` are (text, count), the most frequent first. `throughput_per_s` is answered
    requests ÷ `makespan_s`, which ends with the last answer, or ÷ the duration of a load that lasted longer.
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
        """True if every check held."""
        return all(check.ok is not False for check in self.checks)

    @property
    def answered(self) -> bool:
        """True if the load ran to its end with at least one answer; some requests may have failed."""
        return self.outcome == "ok" or (self.outcome == "failed" and self.counts.ok > 0)

    @property
    def sound(self) -> bool:
        """True if the load ran to its end, no request failed, and every check held."""
        return self.outcome == "ok" and self.checked


@dataclass(frozen=True, slots=True)
class Verdict:
    """A threshold of the user, and its result; `value` is None if nothing was measured."""

    text: str
    value: float | None
    failed: bool


@dataclass(frozen=True, slots=True)
class Knee:
    """The result of `--find-limit`: the last rate that stayed within the bound, and the first that did not.

    Rates are arrivals per second. `last_good` is None if the first rate already failed, `first_bad` if none did.
    """

    last_good: float | None
    first_bad: float | None
    why: str
    capacity_per_s: float | None


@dataclass(frozen=True, slots=True)
class LoadRun:
    """All loads of one `lab.py load`. `stopped` names the threshold that ended it early."""

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
    """Name the file with a load's requests, beside result.json."""
    return f"requests-{plan.order}.csv"


def verdict(trial: LoadTrial) -> str:
    """Return ``sound``, or the reason against the figures: a bad outcome, or else the first failed check."""
    if trial.outcome != "ok":
        return trial.outcome
    return next((check.name for check in trial.checks if check.ok is False), SOUND)
