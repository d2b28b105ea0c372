"""The timeline as a picture for slides: a panel per approach under one time axis from the start signal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from labkit.analysis.analyse import Analysis
from labkit.analysis.metrics import end_of
from labkit.model import STATES, CheckedTrial, Comparison, GridPoint
from labkit.output.format import SEPARATOR, format_grid_point, plural, sanitize
from labkit.reports.timeline.canvas import GREY, PALE, VERMILLION, lighter
from labkit.reports.timeline.lanes import STAGES
from labkit.reports.timeline.page import Group, Legend, Page, Panel, columns, drawn
from labkit.reports.timeline.stacks import Time
from labkit.reports.timeline.strips import (
    FAILED,
    MOST_TRACED,
    NOT_BEGUN,
    STAGE_COLOURS,
    STATE_COLOURS,
    client_strips,
    state_strips,
    worker_strips,
)

FILE: str | None = "timeline.png"
# An axis has a length, whatever came of the trials.
SHORTEST_S = 0.001
# So that the last bar does not touch the end.
BEYOND = 1.005


def write(analysis: Analysis, to: BinaryIO) -> None:
    """A PNG picture."""
    drawn(page(analysis.comparison)).save(to)


def page(comparison: Comparison) -> Page:
    """The first trials of each approach, watched closely and not, at the first grid point."""
    points = comparison.plan.points
    shown = _shown(comparison, points[0])
    latest_s = max((end_of(checked.trial) for checked in shown), default=0.0)
    time = Time(max(latest_s * BEYOND, SHORTEST_S), columns())
    environment = comparison.environment
    subtitle = [f"seconds from the start signal{SEPARATOR}{environment.runtime}"]
    subtitle += [f"Python {environment.python}"] if environment.python else []
    subtitle += [comparison.id]
    if len(points) > 1:
        subtitle.insert(0, f"the first of {len(points)} configurations")
    return Page(
        title=format_grid_point(points[0]),
        subtitle=sanitize(SEPARATOR.join(subtitle)),
        legends=_legends(shown),
        panels=tuple(_panel(checked, time) for checked in shown),
        time=time,
    )


def _shown(comparison: Comparison, point: GridPoint) -> tuple[CheckedTrial, ...]:
    """In the order in which the approaches were asked for; a traced trial follows the one that is measured."""
    first: dict[tuple[str, bool], CheckedTrial] = {}
    for checked in sorted(comparison.trials, key=lambda checked: checked.trial.planned.order):
        planned = checked.trial.planned
        if planned.point == point:
            first.setdefault((planned.approach, planned.traced), checked)
    wanted = [(name, traced) for name in comparison.plan.approaches for traced in (False, True)]
    return tuple(first[key] for key in wanted if key in first)


def _panel(checked: CheckedTrial, time: Time) -> Panel:
    trial, planned = checked.trial, checked.trial.planned
    failed = [check.name for check in checked.checks if check.ok is False]
    notes = [] if trial.outcome == "ok" else [f"{trial.outcome}: {trial.error}" if trial.error else trial.outcome]
    notes += [f"ideal {planned.ideal_s:g} s"]
    notes += [f"failed {'check' if len(failed) == 1 else 'checks'}: {', '.join(failed)}"] if failed else []
    if trial.trace is None:
        title, groups = planned.approach, [Group("client", client_strips(trial, time))]
    else:
        title, groups = f"{planned.approach}, traced", [Group("client", state_strips(trial.trace, time))]
        unseen = len(trial.trace.lanes) - MOST_TRACED
        notes += [f"and {plural(unseen, 'lane')} more"] if unseen > 0 else []
    groups.append(Group("server", worker_strips(trial, time)))
    return Panel(
        title=sanitize(title),
        note=sanitize(SEPARATOR.join(notes)),
        makespan_s=trial.makespan_s,
        ideal_s=planned.ideal_s,
        groups=tuple(group for group in groups if group.strips),
    )


def _legends(shown: Sequence[CheckedTrial]) -> tuple[Legend, ...]:
    """What the panels need, and no more."""
    trials = [checked.trial for checked in shown]
    requests = [row for trial in trials if trial.trace is None for row in trial.requests]
    entries = {PALE: NOT_BEGUN}
    for stage, colour in STAGE_COLOURS.items():
        if stage != "unknown" or any(row.server is None for row in requests):
            entries.setdefault(colour, STAGES[stage])
    if any(not row.answered for row in requests):
        entries[VERMILLION] = FAILED
    legends = [Legend("requests", tuple(entries.items()))]
    spans = [span for trial in trials if trial.trace for lane in trial.trace.lanes for span in lane.spans]
    states = {span.state for span in spans}
    if states:
        told = [(STATE_COLOURS[state], words) for state, words in STATES.items() if state in states]
        if any(span.derived for span in spans):
            told.append((lighter(GREY), "lighter: derived, not seen"))
        legends.append(Legend("states", tuple(told)))
    return tuple(legends)
