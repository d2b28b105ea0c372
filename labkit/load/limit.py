"""Finding the knee: the arrival rate goes up step by step until answers come too late or not at all."""

from __future__ import annotations

from collections.abc import Callable

from labkit.model.load import Knee, LoadPlan, LoadTrial, Open

MOST_STEPS = 30
TRIES = 3


def find_limit(rates: Callable[[int], float], bound_s: float, run: Callable[[float], LoadTrial]) -> Knee:
    """Run one load after another, step `n` (from 1) at `rates(n)` arrivals a second, until one is no good.

    No good is: the p99 of what a user waits is above `bound_s`, or a request failed, or was not answered at all, or
    the rate is more than the workers can answer. A step whose figures cannot be trusted, as when another program had
    the processors busy, is run again, `TRIES` times in all; then nothing is known of its rate.
    """
    last_good, capacity = None, None
    for step in range(1, MOST_STEPS + 1):
        rate = rates(step)
        for _ in range(TRIES):
            trial = run(rate)
            capacity = trial.plan.capacity_per_s
            why = what_is_wrong(trial, bound_s)
            if trial.counts.arrivals == 0 and trial.outcome != "crashed":
                return Knee(last_good, None, f"inconclusive at {rate:g} a second: {why}", capacity)
            if why is None or not is_doubtful(trial):
                break
        else:
            return Knee(last_good, None, f"inconclusive at {rate:g} a second: {why}", capacity)
        if why is not None:
            return Knee(last_good, rate, why, capacity)
        last_good = rate
    return Knee(last_good, None, f"no limit found in {MOST_STEPS} steps", capacity)


def is_doubtful(trial: LoadTrial) -> bool:
    """Whether all went well but for a check: the figures may tell of something else than the server."""
    counts = trial.counts
    if _is_beyond(trial.plan):  # no figure is needed to know that
        return False
    return trial.outcome == "ok" and counts.ok == counts.arrivals and not trial.sound


def what_is_wrong(trial: LoadTrial, bound_s: float) -> str | None:
    """Why this load is more than the server can take, or None where it is not."""
    counts = trial.counts
    if trial.outcome != "ok":
        return trial.error or trial.outcome
    if lost := counts.unfinished + counts.not_begun:
        return f"{lost} of {counts.arrivals} arrivals were not answered"
    if _is_beyond(trial.plan):
        most = f"{trial.plan.capacity_per_s:.4g} a second"
        return f"it is more than the {most} that the workers can answer: the queue would go on growing"
    assert trial.response is not None, "an open load that is ok was answered"
    if trial.response.p99 > bound_s:
        return f"the p99 of what a user waits was {trial.response.p99:.3f} s, more than {bound_s:g} s"
    untrue = next((check for check in trial.checks if check.ok is False), None)
    return None if untrue is None else f"the figures cannot be trusted: {untrue.name}: {untrue.detail}"


def _is_beyond(plan: LoadPlan) -> bool:
    """Whether more arrive than the workers can answer, however short the load is."""
    capacity = plan.capacity_per_s
    return capacity is not None and isinstance(plan.shape, Open) and plan.shape.rate > capacity
