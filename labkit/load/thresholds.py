"""Parse and evaluate the thresholds of a load, such as ``p99 > 3`` or ``failed > 1%``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from labkit.model.errors import UsageError, nearest
from labkit.model.load import Closed, Counts, LoadPlan, LoadTrial, Now, Percentiles, Verdict

METRICS = (
    "p50",
    "p99",
    "response_p50",
    "response_p99",
    "failed",
    "unanswered",
    "late",
    "in_flight",
    "queue",
    "throughput",
)
SHARES = ("failed", "unanswered", "late")
OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_FORM = re.compile(
    r"\s*(?P<metric>\w+)\s*(?P<op>>=|<=|>|<)\s*(?P<value>\d+(\.\d*)?|\.\d+)\s*(?P<percent>%?)\s*", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Threshold:
    """A condition that must not hold. `value` is in seconds, requests, requests per second, or percent."""

    text: str
    metric: str
    op: str
    value: float
    percent: bool


def parse(text: str) -> Threshold:
    """Parse a threshold. Raises `UsageError`."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise UsageError(
            f"{text!r} is not a threshold: write METRIC {' or '.join(sorted(OPERATORS))} NUMBER, such as 'p99 > 3' "
            f"(seconds) or 'failed > 1%', where METRIC is one of {', '.join(METRICS)}"
        )
    metric, percent = found["metric"], bool(found["percent"])
    if metric not in METRICS:
        raise UsageError(
            f"{metric!r} in the threshold {text!r} is not one of {', '.join(METRICS)}{nearest(metric, METRICS)}"
        )
    if percent and metric not in SHARES:
        raise UsageError(
            f"the threshold {text!r} has a percentage of {metric}, but only {' and '.join(SHARES)} have one"
        )
    return Threshold(text, metric, found["op"], float(found["value"]), percent)


def require_measurable(threshold: Threshold, plan: LoadPlan) -> None:
    """Raises `UsageError` for a metric that the load does not have."""
    if isinstance(plan.shape, Closed) and threshold.metric in {"response_p50", "response_p99", "late"}:
        raise UsageError(
            f"{threshold.text!r} cannot be measured under a closed load: it has no intended starts",
            "Add --rate, or set a threshold on p50 or p99.",
        )
    if threshold.metric == "queue" and plan.server.slots is None:
        raise UsageError(
            f"{threshold.text!r} cannot be measured: {plan.server.worker_class} workers accept any number of requests",
            "Set a threshold on in_flight instead.",
        )


def evaluate(threshold: Threshold, now: Now) -> Verdict:
    """The verdict while the load runs. A metric that is not measured yet, or never, does not fail."""
    values = {
        "p50": now.p50_s,
        "p99": now.p99_s,
        "response_p50": now.response_p50_s,
        "response_p99": now.response_p99_s,
        "in_flight": float(now.in_flight),
        "queue": None if now.queue is None else float(now.queue),
        # Before the first answer it would be 0, and a lower bound would end the load at once.
        "throughput": now.throughput_per_s if now.counts.ok else None,
    }
    return _verdict(threshold, values, now.counts)


def evaluate_trial(threshold: Threshold, trial: LoadTrial) -> Verdict:
    """The verdict on a finished load: on the peak of `in_flight`, and on the largest `queue` at the end of a second.

    A metric that was not measured fails.
    """
    slots = trial.plan.server.slots
    queues = [second.in_flight + second.waiting - slots for second in trial.seconds] if slots is not None else []
    values = {
        **_percentiles("", trial.latency),
        **_percentiles("response_", trial.response),
        "in_flight": None if trial.max_in_flight is None else float(trial.max_in_flight),
        "queue": float(max(0, *queues)) if queues else None,
        "throughput": trial.throughput_per_s,
    }
    verdict = _verdict(threshold, values, trial.counts)
    return replace(verdict, failed=True) if verdict.value is None else verdict


def _percentiles(prefix: str, found: Percentiles | None) -> dict[str, float | None]:
    return {f"{prefix}p50": found.p50 if found else None, f"{prefix}p99": found.p99 if found else None}


def _verdict(threshold: Threshold, values: dict[str, float | None], counts: Counts) -> Verdict:
    """`failed` is a part of the ended requests, `unanswered` of all arrivals, and `late` of the begun ones."""
    parts: dict[str, tuple[int | None, int]] = {
        "failed": (counts.failed, counts.ok + counts.failed),
        "unanswered": (counts.arrivals - counts.ok, counts.arrivals),
        "late": (counts.late, counts.begun),
    }
    if threshold.metric in parts:
        value = _share(*parts[threshold.metric], percent=threshold.percent)
    else:
        value = values[threshold.metric]
    return Verdict(threshold.text, value, value is not None and OPERATORS[threshold.op](value, threshold.value))


def _share(part: int | None, whole: int, *, percent: bool) -> float | None:
    """`part`, or its percentage of `whole`."""
    if part is None:
        return None
    if not percent:
        return float(part)
    return 100 * part / whole if whole else None
