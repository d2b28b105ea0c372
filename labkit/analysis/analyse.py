"""A comparison with everything that is derived from its rows, computed once for all reports."""

from __future__ import annotations

from dataclasses import dataclass

from labkit.analysis.baseline import Agreement, compare_with_baseline
from labkit.analysis.metrics import Metrics, trial_metrics
from labkit.analysis.summary import SummaryRow, summarise
from labkit.model import Comparison


@dataclass(frozen=True, slots=True)
class Analysis:
    """`metrics` has one entry per trial of `comparison`, in the same order."""

    comparison: Comparison
    metrics: tuple[Metrics, ...]
    summary: tuple[SummaryRow, ...]
    agreements: tuple[Agreement, ...]


def analyse(comparison: Comparison) -> Analysis:
    """Derive metrics, summary and agreement with the baseline from the raw rows of `comparison`."""
    metrics = tuple(trial_metrics(checked.trial) for checked in comparison.trials)
    return Analysis(comparison, metrics, summarise(comparison, metrics), compare_with_baseline(comparison))
