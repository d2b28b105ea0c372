"""Find the knee: raise the arrival rate step by step until answers come too late or not at all."""

from __future__ import annotations

from collections.abc import Callable
from math import isclose

from labkit.model.load import Knee, LoadPlan, LoadTrial, Open

MOST_STEPS = 30
TRIES = 3


def find_limit(rates: Callable[[int], float], bound_s: float, run: Callable[[float], LoadTrial]) -> Knee:
    """Run loads at `rates(1)`, `rates(2)`… arrivals per second, until one is too much.

    Too much is: a request failed or was not answered, the p99 of the response time is above `bound_s`, or the rate is
    above the capacity of the workers. A step whose figures cannot be trusted, as when another program had the
    processors busy, is run up to `TRIES` times; if it fails each time, the search is inconclusive.
    """
    last_good, capacity = None, None
    for step in range(1, MOST_STEPS + 1):
        rate = rates(step)
        for _ in range(TRIES):
            trial = run(rate)
            capacity = trial.plan.capacity_per_s
            fault = find_fault(trial, bound_s)
            conclusive = trial.counts.arrivals > 0 or trial.outcome == "crashed"
            if not conclusive or fault is None or not is_doubtful(trial):
                break
        else:
            conclusive = False
        if not conclusive:
            return Knee(last_good, None, f"inconclusive at {rate:g} per second: {fault}", capacity)
        if fault is not None:
            return Knee(last_good, rate, fault, capacity)
        last_good = rate
    return Knee(last_good, None, f"no limit found in {MOST_STEPS} steps", capacity)


def is_doubtful(trial: LoadTrial) -> bool:
    """True if only a check failed: the cause may be something else than the server."""
    if _is_above_capacity(trial.plan):  # the figures do not matter then
        return False
    return trial.outcome == "ok" and trial.counts.ok == trial.counts.arrivals and not trial.sound


def find_fault(trial: LoadTrial, bound_s: float) -> str | None:
    """The reason why this load is too much for the server; None if it is not."""
    counts = trial.counts
    if trial.outcome != "ok":
        return trial.error or trial.outcome
    if lost := counts.unfinished + counts.not_begun:
        return f"{lost} of {counts.arrivals} arrivals were not answered"
    if _is_above_capacity(trial.plan):
        return (
            f"it is above the {trial.plan.capacity_per_s:.4g} per second that the workers can answer: the queue grows"
        )
    assert trial.response is not None, "an open load that is ok was answered"
    if trial.response.p99 > bound_s:
        return f"the p99 of the response time was {trial.response.p99:.3f} s, above {bound_s:g} s"
    failed = next((check for check in trial.checks if check.ok is False), None)
    return None if failed is None else f"the figures cannot be trusted: {failed.name}: {failed.detail}"


def _is_above_capacity(plan: LoadPlan) -> bool:
    capacity = plan.capacity_per_s
    if capacity is None or not isinstance(plan.shape, Open):
        return False
    return plan.shape.rate > capacity and not isclose(plan.shape.rate, capacity)  # a sum of steps is inexact
