"""The facts of a comparison that stand around its figures: title, environment, agreement with the baseline."""

from __future__ import annotations

from dataclasses import asdict

from labkit.analysis.analyse import Analysis
from labkit.analysis.baseline import Agreement
from labkit.model import BASELINE, CheckedTrial, Comparison
from labkit.output.format import (
    NOT_MEASURED,
    SEPARATOR,
    format_count,
    format_grid_point,
    format_python,
    join_words,
)

Fact = tuple[str, str]


def title(analysis: Analysis) -> str:
    """``6 approaches compared``, ``my_script traced``."""
    names = [name for name in dict.fromkeys(row.approach for row in analysis.summary) if name != BASELINE]
    if analysis.comparison.mode == "trace":
        return f"{join_words(names)} traced"
    return f"{len(names)} approach{'' if len(names) == 1 else 'es'} compared"


def headline(comparison: Comparison) -> tuple[Fact, ...]:
    """Date, runtime, Python, processors and number of trials."""
    trials = [checked.trial for checked in comparison.trials]
    pythons = sorted({format_python(trial.python, trial.gil) for trial in trials if trial.python})
    unranked = sum(not checked.rankable for checked in comparison.trials if not checked.trial.planned.traced)
    started = comparison.started_at.replace("T", " ").replace("Z", " UTC").replace("+00:00", " UTC")
    return (
        ("Date", started),
        ("Runtime", comparison.environment.runtime),
        ("Python", SEPARATOR.join(pythons) or comparison.environment.python or NOT_MEASURED),
        ("Processors", format_count(comparison.environment.cpus)),
        ("Trials", f"{len(trials)}{f', {unranked} of them not ranked' if unranked else ''}"),
    )


def environment(comparison: Comparison) -> tuple[Fact, ...]:
    """The environment, without its packages and images."""
    values = {name: value for name, value in asdict(comparison.environment).items() if not isinstance(value, dict)}
    if values["memory_bytes"] is not None:
        values["memory_bytes"] = f"{values['memory_bytes'] / 1e9:.1f} GB"
    return tuple(
        (name.removesuffix("_bytes").replace("_", " "), NOT_MEASURED if value is None else str(value))
        for name, value in {**values, "seed": comparison.plan.seed}.items()
    )


def trial_name(checked: CheckedTrial) -> str:
    """``threads, trial 3, traced``."""
    planned = checked.trial.planned
    return f"{planned.approach}, trial {planned.order}{', traced' if planned.traced else ''}"


def agreement_cells(row: Agreement) -> tuple[str, ...]:
    """The cells of one comparison of latencies with those of the baseline."""
    latencies = (row.counterpart.client_s, row.counterpart.server_s, row.baseline.client_s, row.baseline.server_s)
    verdict = "yes" if row.ok else f"no: the log supports {row.supported}"
    return (format_grid_point(row.point), row.figure, *(f"{latency_s:.3f}" for latency_s in latencies), verdict)
