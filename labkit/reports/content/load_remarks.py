"""What a person has to know beside a load's figures, one remark each."""

from __future__ import annotations

from collections.abc import Iterator

from labkit.model.load import LoadRun, Verdict
from labkit.output.format import shorten
from labkit.reports.content.trouble import Remark, of_notice, of_trial


def remarks(run: LoadRun) -> tuple[Remark, ...]:
    """Thresholds and how they came out, then loads that went wrong and checks that failed, then notices."""
    return (
        *(_of_threshold(verdict) for verdict in run.verdicts),
        *_stopped(run),
        *(
            remark
            for trial in run.trials
            for remark in of_trial(
                f"trial {trial.plan.order}", trial.outcome, trial.error, trial.last_lines, trial.checks
            )
        ),
        *map(of_notice, run.notices),
    )


def _of_threshold(verdict: Verdict) -> Remark:
    """How it came out, in words; what was measured has the unit that the threshold was given in."""
    unit = " %" if verdict.text.rstrip().endswith("%") else ""
    measured = "nothing to measure" if verdict.value is None else f"{verdict.value:.4g}{unit} measured"
    if verdict.failed:
        return Remark("trial", shorten(f"threshold failed: {verdict.text} ({measured})"))
    return Remark("notice", shorten(f"threshold held: not {verdict.text} ({measured})"))


def _stopped(run: LoadRun) -> Iterator[Remark]:
    if run.stopped is not None:
        yield Remark("check", shorten(f"stopped early: {run.stopped}"))
