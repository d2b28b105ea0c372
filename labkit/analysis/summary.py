"""The summary: one row per approach and grid point over its repeats, with the verdict on the fastest."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, get_type_hints

from labkit.analysis.metrics import Metrics, count_answered
from labkit.analysis.statistics import median_interval
from labkit.model import BASELINE, CheckedTrial, Comparison, GridPoint, Trial, label

FASTEST = "fastest"
NO_CLEAR_WINNER = "no clear winner"
LOWEST = "lowest interval"  # but another approach, with a single ranked trial, has none
SLOWER = "slower"
ONE_TRIAL = "one trial"
ALONE = "nothing to compare with"
NOT_RANKED = "not ranked"
IS_BASELINE = "baseline"
TRACED = "traced"
REDUCERS: dict[Any, Callable[[list[Any]], Any]] = {float | None: median, int | None: max}


@dataclass(frozen=True, slots=True)
class Makespan:
    """Seconds over the rankable trials; `ci95` is the 95 % interval of the median, None for a single trial."""

    median: float
    min: float
    max: float
    ci95: tuple[float, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryRow(Metrics):
    """One approach at one grid point, with each metric over its rankable trials: see `_aggregate`.

    `trials` ran, and in `ranked` of them every check held. `ok` and `failed` count the answered and unanswered requests
    of all trials, with those never sent; `failed_by_cause` counts sent ones only. An approach without a rankable trial
    has the figures of all its trials, and a verdict with the reason.
    """

    approach: str
    point: GridPoint
    trials: int
    ranked: int
    ideal_s: float | None
    makespan: Makespan | None
    speedup_vs_sync: float | None
    cold_start_s: float | None
    ok: int
    failed: int
    verdict: str


@dataclass(frozen=True, slots=True)
class _Measured:
    """A trial and the metrics derived from it."""

    checked: CheckedTrial
    metrics: Metrics

    @property
    def trial(self) -> Trial:
        return self.checked.trial


def summarise(comparison: Comparison, metrics: Sequence[Metrics]) -> tuple[SummaryRow, ...]:
    """Return one row per grid point and approach, both in the order of the plan; `metrics` are those of the trials."""
    groups: dict[tuple[GridPoint, str], list[_Measured]] = defaultdict(list)
    for checked, its_metrics in zip(comparison.trials, metrics, strict=True):
        planned = checked.trial.planned
        if planned.traced == (comparison.mode == "trace"):
            groups[planned.point, planned.approach].append(_Measured(checked, its_metrics))
    rows: list[SummaryRow] = []
    for point in comparison.plan.points:
        group = {name: groups[point, name] for name in comparison.plan.approaches}
        makespans = {name: _makespan(_ranked(trials)) for name, trials in group.items()}
        sync = makespans.get("sync")
        verdicts = {BASELINE: IS_BASELINE} if makespans.pop(BASELINE, None) else {}
        verdicts |= _verdicts(makespans)
        for name, trials in group.items():
            unavailable = comparison.unavailable.get(label(name, point.python))
            verdict = unavailable or verdicts.get(name) or _reason_unranked(trials)
            rows.append(_row(name, point, trials, sync, verdict))
    return tuple(rows)


def _ranked(trials: Iterable[_Measured]) -> list[_Measured]:
    return [each for each in trials if each.checked.rankable]


def _row(name: str, point: GridPoint, trials: Sequence[_Measured], sync: Makespan | None, verdict: str) -> SummaryRow:
    ranked = _ranked(trials)
    shown = ranked or trials
    ok = sum(count_answered(each.trial) for each in trials)
    makespan = _makespan(ranked or [each for each in trials if each.trial.outcome == "ok"])

    return SummaryRow(
        **_aggregate([each.metrics for each in shown])
        | {
            "ok": ok,
            "failed": len(trials) * point.load.requests - ok,
            "failed_by_cause": _add_up(each.metrics.failed_by_cause for each in trials),
        },
        approach=name,
        point=point,
        trials=len(trials),
        ranked=len(ranked),
        ideal_s=trials[0].trial.planned.ideal_s if trials else None,
        makespan=makespan,
        speedup_vs_sync=sync.median / makespan.median if sync and makespan and ranked else None,
        cold_start_s=_median(each.trial.cold_start_s for each in shown),
        verdict=verdict,
    )


def _aggregate(metrics: Sequence[Metrics]) -> dict[str, Any]:
    """Reduce each metric to its median if it is a time or a share, to the largest value if it is a count."""
    values: dict[str, Any] = {}
    for name, kind in get_type_hints(Metrics).items():
        known = [value for each in metrics if (value := getattr(each, name)) is not None]
        values[name] = REDUCERS[kind](known) if kind in REDUCERS and known else None
    return values


def _add_up(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    return dict(sum(map(Counter, counts), Counter[str]()).most_common())


def _makespan(trials: Iterable[_Measured]) -> Makespan | None:
    values = [each.trial.makespan_s for each in trials if each.trial.makespan_s is not None]
    if not values:
        return None
    return Makespan(median(values), min(values), max(values), median_interval(values))


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _verdicts(makespans: dict[str, Makespan | None]) -> dict[str, str]:
    """Call the lowest median the fastest only if its interval lies below every other; overlapping ones share the place.

    A single trial has no interval: it neither wins nor lets another win, but the others are compared without it.
    """
    ranked = {name: makespan for name, makespan in makespans.items() if makespan is not None}
    spans = {name: makespan.ci95 for name, makespan in ranked.items() if makespan.ci95 is not None}
    verdicts = {name: SLOWER if name in spans else ONE_TRIAL for name in ranked}
    if not spans:
        return verdicts
    best = min(spans, key=lambda name: ranked[name].median)
    close = [name for name, (low_s, _) in spans.items() if name != best and low_s <= spans[best][1]]
    if close:
        return verdicts | dict.fromkeys([best, *close], NO_CLEAR_WINNER)
    if len(spans) == 1:
        return verdicts | {best: ALONE}
    return verdicts | {best: FASTEST if len(spans) == len(ranked) else LOWEST}


def _reason_unranked(trials: Sequence[_Measured]) -> str:
    for each in trials:
        if each.trial.outcome != "ok":
            return each.trial.outcome
        if each.trial.planned.traced:
            return TRACED
        for check in each.checked.checks:
            if check.ok is False:
                return f"{NOT_RANKED}: {check.name}"
    return "not run"
