"""The report of a comparison: one table per grid point, with one row per approach."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

from labkit.analysis.analyse import Analysis
from labkit.analysis.metrics import Latency
from labkit.analysis.summary import (
    ALONE,
    FASTEST,
    IS_BASELINE,
    LOWEST,
    NO_CLEAR_WINNER,
    ONE_TRIAL,
    SLOWER,
    SummaryRow,
)
from labkit.model import BASELINE, Comparison, GridPoint
from labkit.output.format import (
    NOT_MEASURED,
    SEPARATOR,
    align_intervals,
    format_count,
    format_fixed,
    format_grid_point,
    format_megabytes,
    format_python,
    join_words,
    plural,
    sanitize,
)
from labkit.reports.blocks import Block, Column, Heading, Paragraph, Table, Tone, figure_column
from labkit.reports.content.faults import has_faults, introduction
from labkit.reports.content.remarks import comparison_remarks
from labkit.reports.content.trial_rows import trial_rows
from labkit.results.document import document

# Times carry milliseconds where hundredths of a second would hide a difference.
SMALL_S = 1.0
NARROW_S = 0.02


@dataclass(frozen=True, slots=True)
class ComparisonReport:
    """A comparison and its analysis."""

    analysis: Analysis

    def blocks(self) -> tuple[Block, ...]:
        tables = (block for section in sections(self.analysis) for block in section.blocks())
        return (*tables, *comparison_remarks(self.analysis))

    def document(self) -> dict[str, Any]:
        return document(self.analysis)

    def rows(self) -> list[dict[str, Any]]:
        return trial_rows(self.document(), ("id", "started_at", "seed"), {"latency_s": Latency})


@dataclass(frozen=True, slots=True)
class Section:
    """One grid point. `outcome` names the fastest approach, where repeats allow it."""

    heading: Heading
    table: Table
    outcome: str | None

    def blocks(self) -> Iterator[Block]:
        yield from (self.heading, self.table)
        if self.outcome:
            yield Paragraph((self.outcome,))


def sections(analysis: Analysis) -> tuple[Section, ...]:
    """Return one section per grid point; the first one of each scenario explains the scenario."""
    repeats = max((trial.repeat for trial in analysis.comparison.plan.trials), default=1)
    found: list[Section] = []
    scenario = None
    for point, group in groupby(analysis.summary, key=lambda row: row.point):
        rows = tuple(group)
        intro = introduction(point.scenario) if point.scenario != scenario else None
        scenario = point.scenario
        about = (intro[0], f"Look at: {intro[1]}") if intro else ()
        heading = Heading(_title(analysis.comparison, point, repeats), about)
        found.append(Section(heading, _table(rows, repeats), _outcome(rows) if repeats > 1 else None))
    return tuple(found)


def _title(comparison: Comparison, point: GridPoint, repeats: int) -> str:
    """Name the grid point, its repeats, and Python where it was chosen or has no GIL."""
    pythons = {
        (checked.trial.python, checked.trial.gil)
        for checked in comparison.trials
        if checked.trial.planned.point == point and checked.trial.python is not None
    }
    parts = [format_grid_point(point)]
    if point.python is not None or any(gil is False for _, gil in pythons):
        parts += sorted(f"Python {format_python(*each)}" for each in pythons)
    return SEPARATOR.join([*parts, f"{repeats} repeats"] if repeats > 1 else parts)


def _table(rows: Sequence[SummaryRow], repeats: int) -> Table:
    decimals, faulty = _decimals(rows), has_faults(rows[0].point.server.behaviour)
    figure, cost = partial(figure_column, rows), partial(figure_column, rows, secondary=True)
    failed = figure("failed", "fail-\ned", lambda row: _counted(row, row.failed), secondary=not faulty)
    in_flight = cost("most in\nflight", "in\nflight", lambda row: format_count(row.max_in_flight))
    cpu = cost("CPU\n(s)", "", lambda row: format_fixed(row.cpu_s, 2))
    makespan = ("makespan\n(s)", "make-\nspan\n(s)") if repeats == 1 else ("makespan (s),\nmedian [95 %]", "")
    columns = [
        Column("name", "approach", tuple(sanitize(row.approach) for row in rows)),
        Column("figure", makespan[0], _makespans(rows, decimals), makespan[1]),
        figure("ideal\n(s)", "", lambda row: format_fixed(row.ideal_s, decimals)),
        figure("efficiency", "eff.", lambda row: format_fixed(row.efficiency, 3)),
    ]
    if faulty:
        columns += [
            figure("answered", "an-\nswered", lambda row: _counted(row, row.ok)),
            failed,
            cost("attempts", "at-\ntempts", lambda row: format_count(row.attempts)),
            cost("wasted", "", lambda row: format_count(row.wasted_attempts), optional=True),
            cost("refused", "re-\nfused", lambda row: format_count(row.refused)),
            cost("longest\nquiet (s)", "quiet\n(s)", lambda row: format_fixed(row.longest_quiet_s, decimals)),
            in_flight,
            cpu,
        ]
    else:
        columns += [
            figure("speed-up\nover sync", "over\nsync", lambda row: format_fixed(row.speedup_vs_sync, 2, "×")),
            in_flight,
            cost("threads", "", lambda row: format_count(row.threads_peak)),
            cost("processes", "proc-\nesses", lambda row: format_count(row.processes_peak)),
            cpu,
            cost("peak memory\n(MB)", "peak\n(MB)", lambda row: format_megabytes(row.peak_memory_bytes)),
            cost("cold start\n(s)", "", lambda row: format_fixed(row.cold_start_s, 2), optional=True),
            failed,
        ]
    verdicts = tuple(_verdict(row, repeats) for row in rows)
    if any(verdicts):
        columns.append(Column("text", "verdict", verdicts, tones=tuple(map(_tone, verdicts))))
    return Table(tuple(columns))


def _decimals(rows: Sequence[SummaryRow]) -> int:
    times = [row.makespan.median for row in rows if row.makespan] + [row.ideal_s for row in rows if row.ideal_s]
    widths = [row.makespan.ci95[1] - row.makespan.ci95[0] for row in rows if row.makespan and row.makespan.ci95]
    return 3 if min(times, default=SMALL_S) < SMALL_S or min(widths, default=NARROW_S) < NARROW_S else 2


def _makespans(rows: Sequence[SummaryRow], decimals: int) -> tuple[str, ...]:
    medians = [format_fixed(row.makespan.median if row.makespan else None, decimals) for row in rows]
    spans = [row.makespan.ci95 if row.makespan else None for row in rows]
    intervals = [f" [{span[0]:.{decimals}f}, {span[1]:.{decimals}f}]" if span else "" for span in spans]
    return align_intervals(medians, intervals)


def _counted(row: SummaryRow, number: int) -> str:
    return format_count(number) if row.trials else NOT_MEASURED


def _verdict(row: SummaryRow, repeats: int) -> str:
    """Leave a single trial without a verdict, unless something kept it from being ranked."""
    plain = row.verdict == ONE_TRIAL or (row.verdict == IS_BASELINE and repeats == 1)
    words = [] if plain else [sanitize(row.verdict)]
    if 0 < row.ranked < repeats:
        words.append(f"({row.ranked} of {plural(repeats, 'trial')})")
    return " ".join(words)


def _tone(verdict: str) -> Tone:
    if verdict in {"", LOWEST, NO_CLEAR_WINNER, SLOWER, IS_BASELINE, ALONE}:
        return ""
    return "good" if verdict == FASTEST else "warning"


def _outcome(rows: Sequence[SummaryRow]) -> str | None:
    rows = [row for row in rows if row.approach != BASELINE]
    ranked = [row.approach for row in rows if row.ranked]
    fastest = [row.approach for row in rows if row.verdict == FASTEST]
    close = [row.approach for row in rows if row.verdict == NO_CLEAR_WINNER]
    if len(rows) == 1:
        return None
    if not ranked:
        return "No approach can be ranked."
    if len(ranked) == 1:
        return sanitize(f"Only {ranked[0]} can be ranked.")
    if fastest:
        return sanitize(f"{join_words(fastest)} is the fastest: its 95 % interval lies below all others.")
    if close:
        return sanitize(f"No clear winner between {join_words(close)}: their 95 % intervals overlap.")
    return "No approach can be named the fastest: too few trials can be ranked."
