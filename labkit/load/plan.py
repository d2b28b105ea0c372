"""Plan a load test: every option checked and completed before anything starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from labkit.load.thresholds import Threshold, parse, require_measurable
from labkit.model import ServerConfig
from labkit.model.errors import UsageError
from labkit.model.load import Arrivals, Closed, LoadPlan, Open

DEFAULT_USERS, DEFAULT_POOL = 10, 1000
DEFAULT_DURATION_S, STEP_DURATION_S = 10.0, 20.0
# --find-limit starts at half of the server's capacity and rises by a tenth of it. A server without a bound has no
# capacity: the rate rises by so many arrivals per second.
BOUNDLESS_STEP = 50.0
BOUND_DELAYS = 3


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """The options of a load test; None for an option that was left out."""

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
    stop_when: Sequence[str]
    fail_when: Sequence[str]
    find_limit: bool
    step: float | None
    bound_s: float | None


@dataclass(frozen=True, slots=True)
class RateSteps:
    """The rates of a search: `first`, `first` + `step`…; a p99 above `bound_s` is too much."""

    first: float
    step: float
    bound_s: float

    def rate(self, number: int) -> float:
        """The rate of step `number`, from 1."""
        return self.first + (number - 1) * self.step


@dataclass(frozen=True, slots=True)
class LoadTest:
    """A load with its thresholds, or with `rate_steps` a search that repeats it at rising rates."""

    plan: LoadPlan
    stop_when: tuple[Threshold, ...]
    fail_when: tuple[Threshold, ...]
    rate_steps: RateSteps | None
    seed: int

    def at(self, rate: float, order: int) -> LoadPlan:
        """The plan of one step of the search."""
        assert isinstance(self.plan.shape, Open)
        return replace(self.plan, order=order, shape=replace(self.plan.shape, rate=rate))


def make_load_test(request: LoadRequest) -> LoadTest:
    """Complete `request` with defaults. Raises `UsageError` for options that exclude each other."""
    _check(request)
    steps = _rate_steps(request) if request.find_limit else None
    rate = steps.first if steps else request.rate
    shape: Closed | Open
    if rate is None:
        users = request.users or DEFAULT_USERS
        shape = Closed(users, request.spawn_rate or float(users))
    else:
        shape = Open(rate, request.arrivals or "poisson", request.seed, request.users or DEFAULT_POOL)
    default_s = STEP_DURATION_S if steps else DEFAULT_DURATION_S if request.requests is None else None
    plan = LoadPlan(
        order=1,
        server=request.server,
        shape=shape,
        duration_s=default_s if request.duration_s is None else request.duration_s,
        requests=request.requests,
        processes=request.processes,
        timeout_s=request.timeout_s,
    )
    stop_when = _thresholds("--stop-when", request.stop_when, plan)
    fail_when = _thresholds("--fail-when", request.fail_when, plan)
    return LoadTest(plan, stop_when, fail_when, steps, request.seed)


def _check(request: LoadRequest) -> None:
    is_open = request.rate is not None or request.find_limit
    if is_open and request.spawn_rate is not None:
        raise UsageError(
            "--spawn-rate needs a closed load; --rate and --find-limit make it an open one", "Leave one of them out."
        )
    if request.arrivals is not None and not is_open:
        raise UsageError("--arrivals needs an open load, which has a --rate", "Add --rate, as in --rate 2.")
    if (request.step is not None or request.bound_s is not None) and not request.find_limit:
        raise UsageError("--step and --bound need --find-limit", "Add --find-limit, or leave them out.")
    if request.find_limit and (request.stop_when or request.fail_when):
        raise UsageError(
            "--find-limit ends by itself: --stop-when and --fail-when are for a single load",
            "Set the longest acceptable p99 with --bound.",
        )
    users = request.users or (DEFAULT_POOL if is_open else DEFAULT_USERS)
    if request.processes > users:
        raise UsageError(
            f"--processes {request.processes} with --users {users}: each process needs a user",
            f"Lower it to --processes {users}, or raise --users.",
        )


def _thresholds(option: str, texts: Sequence[str], plan: LoadPlan) -> tuple[Threshold, ...]:
    try:
        thresholds = tuple(map(parse, texts))
        for threshold in thresholds:
            require_measurable(threshold, plan)
        return thresholds
    except UsageError as error:
        raise UsageError(f"{option}: {error.message}", error.hint) from error


def _rate_steps(request: LoadRequest) -> RateSteps:
    server = request.server
    bound_s = BOUND_DELAYS * server.delay_s if request.bound_s is None else request.bound_s
    if server.slots is None:
        step = request.step or BOUNDLESS_STEP
        return RateSteps(request.rate or step, step, bound_s)
    capacity = server.slots / server.delay_s
    return RateSteps(request.rate or capacity / 2, request.step or capacity / 10, bound_s)
