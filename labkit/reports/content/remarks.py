"""Remarks below the figures: trials that went wrong, failed checks and notices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from labkit.analysis.analyse import Analysis
from labkit.analysis.baseline import COUNTERPART, Agreement
from labkit.analysis.summary import SummaryRow
from labkit.model import BASELINE, Check, Notice, Outcome
from labkit.model.load import LoadRun, Verdict
from labkit.output.format import format_grid_point, sanitize, shorten
from labkit.reports.blocks import Block, Item, Items
from labkit.reports.content.faults import compare_handling, explain_failures, has_faults

MOST_LINES = 8


def comparison_remarks(analysis: Analysis) -> Iterator[Block]:
    """Yield the list of remarks on a comparison, unless it is empty: trials in their order, then the whole."""
    items: list[Item] = []
    for checked in analysis.comparison.trials:
        trial, planned = checked.trial, checked.trial.planned
        # Tracing takes processor time, so the checks of a traced trial prove nothing.
        checks = () if planned.traced else checked.checks
        name = f"{planned.approach}, trial {planned.order}"
        items += _trial_remarks(name, trial.outcome, trial.error, trial.last_lines, checks)
    items += [_disagreement(each) for each in analysis.agreements if not each.ok]
    for _, rows in groupby(analysis.summary, lambda row: row.point):
        items += _row_remarks(tuple(rows))
    items += map(_notice, analysis.comparison.notices)
    if items:
        yield Items(tuple(items))


def load_remarks(run: LoadRun) -> Iterator[Block]:
    """Yield the list of remarks on a load, unless it is empty: thresholds, trials, then notices."""
    items = list(map(_threshold, run.verdicts))
    if run.stopped is not None:
        items.append(Item(shorten(f"stopped early: {run.stopped}"), "warning"))
    for trial in run.trials:
        name = f"trial {trial.plan.order}"
        items += _trial_remarks(name, trial.outcome, trial.error, trial.last_lines, trial.checks)
    items += map(_notice, run.notices)
    if items:
        yield Items(tuple(items))


def _trial_remarks(
    name: str, outcome: Outcome, error: str | None, last_lines: Sequence[str], checks: Sequence[Check]
) -> Iterator[Item]:
    failed = [check for check in checks if check.ok is False]
    if outcome != "ok":
        text = f"{name}: {outcome}{f': {error}' if error else ''}"
        yield Item(shorten(text), "bad", lines=tuple(shorten(line.expandtabs()) for line in last_lines[-MOST_LINES:]))
    if outcome in {"ok", "failed"}:
        yield from (Item(shorten(f"{name}: {check.name}: {check.detail}"), "warning") for check in failed)
    elif failed:
        # A trial that did not end fails most checks, and the item above names the cause: names are enough here.
        names = ", ".join(check.name for check in failed)
        yield Item(shorten(f"{name}: other failed checks: {names}"), "warning")


def _notice(notice: Notice) -> Item:
    """Put a hint of one line behind the message, and a longer one below it."""
    hint = notice.hint.splitlines()
    if len(hint) > 1:
        return Item(sanitize(notice.message), lines=tuple(map(sanitize, hint)))
    stop = "" if notice.message.endswith((".", "!", "?")) or not hint else "."
    return Item(sanitize(" ".join([notice.message + stop, *hint])))


def _disagreement(each: Agreement) -> Item:
    ours, theirs = each.counterpart, each.baseline
    supported = {"both": "both, so it served them differently", "neither": "neither"}.get(each.supported)
    return Item(
        f"{COUNTERPART} and {BASELINE} disagree: {each.figure} latency {ours.client_s:.3f} s and "
        f"{theirs.client_s:.3f} s ({format_grid_point(each.point)}). The server's log gives {ours.server_s:.3f} s and "
        f"{theirs.server_s:.3f} s and supports {supported or each.supported}.",
        "warning",
    )


def _row_remarks(rows: Sequence[SummaryRow]) -> Iterator[Item]:
    """Explain lost requests where the server has faults, and the handling of bodies where it costs processor time."""
    sync_s = next((row.handling_s for row in rows if row.approach == "sync"), None)
    for row in rows:
        texts = [compare_handling(row.handling_s, sync_s if row.approach != "sync" else None)]
        if has_faults(row.point.server.behaviour):
            texts.append(explain_failures(row.ok + row.failed, row.ok, row.failed_by_cause))
        if any(texts):
            where = row.approach if row.point.scenario == "baseline" else f"{row.point.scenario}, {row.approach}"
            yield Item(sanitize(f"{where}: {'; '.join(filter(None, texts))}."))


def _threshold(verdict: Verdict) -> Item:
    """Report a threshold with the measured value, in the unit of the threshold."""
    unit = " %" if verdict.text.rstrip().endswith("%") else ""
    measured = "nothing to measure" if verdict.value is None else f"measured {verdict.value:.4g}{unit}"
    reached = "reached" if verdict.failed else "not reached"
    return Item(shorten(f"threshold {reached}: {verdict.text} ({measured})"), "bad" if verdict.failed else "")
