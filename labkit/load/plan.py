"""From what a person asked for to loads that can be run: everything is checked before anything starts."""

from __future__ import annotations

from dataclasses import dataclass, replace

from labkit.load.thresholds import Threshold, parse, require_measurable
from labkit.model import ServerConfig
from labkit.model.errors import UsageError
from labkit.model.load import Arrivals, Closed, LoadPlan, Open
from labkit.model.planned import require_threads

DEFAULT_USERS, DEFAULT_POOL = 10, 1000
DEFAULT_DURATION_S, STEP_DURATION_S = 10.0, 20.0
# Finding the limit, where nobody says otherwise: in tenths of what the workers can do, from half of it on. Where
# nothing bounds the server, in steps of so many arrivals a second.
BOUNDLESS_STEP = 50.0
BOUND_DELAYS = 3


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """What a person asked for; None is what they left to us."""

    server: ServerConfig
    users: int | None
    spawn_rate: float | None
    rate: float | None
    arrivals: Arrivals | None
    seed: int
    duration_s: float | None
    requests: int | None
    timeout_s: float
    processes: int
    stop_when: tuple[str, ...]
    fail_when: tuple[str, ...]
    find_limit: bool
    step: float | None
    bound_s: float | None


@dataclass(frozen=True, slots=True)
class Staircase:
    """Rates to try one after another: `first`, `first` + `step`…; more than `bound_s` as p99 is too much."""

    first: float
    step: float
    bound_s: float

    def rate(self, number: int) -> float:
        """The rate of step `number`, from 1."""
        return self.first + (number - 1) * self.step


@dataclass(frozen=True, slots=True)
class LoadTest:
    """A load to be run, and what it is watched for; with `stairs` it is run again and again at other rates."""

    plan: LoadPlan
    stop_when: tuple[Threshold, ...]
    fail_when: tuple[Threshold, ...]
    stairs: Staircase | None

    def at(self, rate: float, order: int) -> LoadPlan:
        """The plan of a load on the stairs."""
        assert isinstance(self.plan.shape, Open)
        return replace(self.plan, order=order, shape=replace(self.plan.shape, rate=rate))


def make_load_test(wanted: LoadRequest) -> LoadTest:
    """What is to be run. Raises `UsageError` for options that do not go together."""
    _check(wanted)
    stairs = _stairs(wanted) if wanted.find_limit else None
    rate = stairs.first if stairs else wanted.rate
    shape: Closed | Open
    if rate is None:
        users = wanted.users or DEFAULT_USERS
        shape = Closed(users, wanted.spawn_rate or float(users))
    else:
        shape = Open(rate, wanted.arrivals or "poisson", wanted.seed, wanted.users or DEFAULT_POOL)
    default_s = STEP_DURATION_S if stairs else DEFAULT_DURATION_S if wanted.requests is None else None
    plan = LoadPlan(
        order=1,
        server=wanted.server,
        shape=shape,
        duration_s=default_s if wanted.duration_s is None else wanted.duration_s,
        requests=wanted.requests,
        processes=wanted.processes,
        timeout_s=wanted.timeout_s,
    )
    stop_when = _thresholds("--stop-when", wanted.stop_when, plan)
    return LoadTest(plan, stop_when, _thresholds("--fail-when", wanted.fail_when, plan), stairs)


def _check(wanted: LoadRequest) -> None:
    require_threads(wanted.server.worker_class, wanted.server.worker_threads)
    open_load = wanted.rate is not None or wanted.find_limit
    if open_load and wanted.spawn_rate is not None:
        raise UsageError(
            "--spawn-rate is for a closed load, and --rate or --find-limit make it an open one",
            "Leave one of them out.",
        )
    if wanted.arrivals is not None and not open_load:
        raise UsageError("--arrivals is for an open load, which has a --rate", "Add --rate, as in --rate 2.")
    if (wanted.step is not None or wanted.bound_s is not None) and not wanted.find_limit:
        raise UsageError("--step and --bound go with --find-limit", "Add --find-limit, or leave them out.")
    if wanted.find_limit and (wanted.stop_when or wanted.fail_when):
        raise UsageError(
            "--find-limit looks for its own end: --stop-when and --fail-when are for a single load",
            "Say with --bound how long a user may wait.",
        )
    users = wanted.users or (DEFAULT_POOL if open_load else DEFAULT_USERS)
    if wanted.processes > users:
        raise UsageError(
            f"--processes {wanted.processes} with --users {users}: a process without a user has nothing to do",
            f"Ask for --processes {users} at most, or for more users.",
        )


def _thresholds(option: str, texts: tuple[str, ...], plan: LoadPlan) -> tuple[Threshold, ...]:
    try:
        found = tuple(map(parse, texts))
        for threshold in found:
            require_measurable(threshold, plan)
        return found
    except UsageError as error:
        raise UsageError(f"{option}: {error.message}", error.hint) from error


def _stairs(wanted: LoadRequest) -> Staircase:
    bound_s = BOUND_DELAYS * wanted.server.delay_s if wanted.bound_s is None else wanted.bound_s
    slots = wanted.server.slots
    if slots is None:
        step = wanted.step or BOUNDLESS_STEP
        return Staircase(wanted.rate or step, step, bound_s)
    capacity = slots / wanted.server.delay_s
    return Staircase(wanted.rate or capacity / 2, wanted.step or capacity / 10, bound_s)
