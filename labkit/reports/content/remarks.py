"""What a person has to know beside the figures, one remark each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from labkit.analysis.analyse import analyse
from labkit.analysis.baseline import COUNTERPART, Agreement, compare_with_baseline
from labkit.analysis.summary import SummaryRow
from labkit.model import BASELINE, CheckedTrial, Comparison
from labkit.output.format import format_grid_point, sanitize
from labkit.reports.content.faults import compare_handling, explain_failures, has_faults
from labkit.reports.content.trouble import Remark, of_notice, of_trial


def remarks(comparison: Comparison) -> tuple[Remark, ...]:
    """Trials that went wrong and checks that failed, in order, then what holds for the whole comparison."""
    return (
        *(remark for checked in comparison.trials for remark in _of_checked(checked)),
        *(_of_agreement(each) for each in compare_with_baseline(comparison) if not each.ok),
        *(
            remark
            for _, rows in groupby(analyse(comparison).summary, lambda row: row.point)
            for remark in _of_point(tuple(rows))
        ),
        *map(of_notice, comparison.notices),
    )


def _of_checked(checked: CheckedTrial) -> Iterator[Remark]:
    trial = checked.trial
    who = f"{trial.planned.approach}, trial {trial.planned.order}"
    # Watching a trial closely takes processor time: the checks of a traced one speak against nothing.
    checks = () if trial.planned.traced else checked.checks
    return of_trial(who, trial.outcome, trial.error, trial.last_lines, checks)


def _of_point(rows: Sequence[SummaryRow]) -> Iterator[Remark]:
    """What the figures say of each approach where the server had faults, or bodies cost processor time."""
    of_sync_s = next((row.handling_s for row in rows if row.approach == "sync"), None)
    for row in rows:
        requests = row.ok + row.failed
        said = [compare_handling(row.handling_s, of_sync_s if row.approach != "sync" else None)]
        if has_faults(row.point.server.behaviour):
            said.append(explain_failures(requests, row.ok, row.failed_by_cause))
        if any(said):
            where = row.approach if row.point.scenario == "baseline" else f"{row.point.scenario}, {row.approach}"
            yield Remark("notice", sanitize(f"{where}: {'; '.join(filter(None, said))}."))


def _of_agreement(each: Agreement) -> Remark:
    ours, theirs = each.counterpart, each.baseline
    whom = {"both": "both of them: it did not treat them alike", "neither": "neither of them"}.get(each.supported)
    return Remark(
        "check",
        f"{COUNTERPART} and {BASELINE} do not agree: {each.figure} latency {ours.client_s:.3f} s and "
        f"{theirs.client_s:.3f} s ({format_grid_point(each.point)}). By the server's log it was {ours.server_s:.3f} s "
        f"and {theirs.server_s:.3f} s, which supports {whom or each.supported}.",
    )
