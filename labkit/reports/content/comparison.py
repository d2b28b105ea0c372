"""The columns that people are shown: one section per grid point, one cell per approach."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from labkit.analysis.analyse import analyse
from labkit.analysis.summary import FASTEST, IS_BASELINE, NO_CLEAR_WINNER, ONE_TRIAL, SummaryRow
from labkit.model import BASELINE, Comparison, GridPoint
from labkit.output.format import (
    NOT_MEASURED,
    SEPARATOR,
    format_count,
    format_fixed,
    format_grid_point,
    format_python,
    join_words,
    plural,
    sanitize,
)
from labkit.reports.content.faults import has_faults, introduction

# Times carry milliseconds where hundredths of a second would hide them.
SMALL_S = 1.0
NARROW_S = 0.02


@dataclass(frozen=True, slots=True)
class Column:
    """A cell per approach, in their order. `short` is a narrower header; both break into lines at a newline.

    A `speed` column tells how fast an approach is and what it brings, a `cost` column what that takes; `name` and
    `verdict` are text.
    """

    kind: Literal["name", "speed", "cost", "verdict"]
    header: str
    short: str
    cells: tuple[str, ...]

    @property
    def is_text(self) -> bool:
        """Whether its cells are words, not figures."""
        return self.kind in {"name", "verdict"}

    @property
    def title(self) -> str:
        """The header on one line."""
        return self.header.replace("\n", " ")


@dataclass(frozen=True, slots=True)
class Section:
    """One grid point; `outcome` is a sentence about who is fastest, where repeats allow one.

    `about` says what happens in its scenario and what to look at, where that has not been said before.
    """

    heading: str
    about: tuple[str, ...]
    columns: tuple[Column, ...]
    outcome: str | None


def sections(comparison: Comparison) -> tuple[Section, ...]:
    """Every grid point in its natural order, and in it the approaches in the order asked for."""
    repeats = max((trial.repeat for trial in comparison.plan.trials), default=1)
    found: list[Section] = []
    scenario = None
    for point, rows in groupby(analyse(comparison).summary, key=lambda row: row.point):
        told = introduction(point.scenario) if point.scenario != scenario else None
        scenario = point.scenario
        found.append(_section(_heading(comparison, point), told, tuple(rows), repeats))
    return tuple(found)


def _heading(comparison: Comparison, point: GridPoint) -> str:
    """The grid point, and which Python ran there, where that is something to know."""
    pythons = {
        (checked.trial.python, checked.trial.gil)
        for checked in comparison.trials
        if checked.trial.planned.point == point and checked.trial.python is not None
    }
    if point.python is None and all(gil is not False for _, gil in pythons):
        return format_grid_point(point)
    return SEPARATOR.join([format_grid_point(point), *sorted(f"Python {format_python(*each)}" for each in pythons)])


def _section(heading: str, told: tuple[str, str] | None, rows: Sequence[SummaryRow], repeats: int) -> Section:
    decimals = _decimals(rows)
    makespan, short_makespan = "makespan\n(s)", "make-\nspan\n(s)"
    if repeats > 1:
        heading += f"{SEPARATOR}{repeats} repeats"
        makespan = short_makespan = "makespan (s),\nmedian [95 %]"

    def column(
        kind: Literal["name", "speed", "cost"], header: str, short: str, cell: Callable[[SummaryRow], str]
    ) -> Column:
        return Column(kind, header, short, tuple(cell(row) for row in rows))

    def failed(kind: Literal["speed", "cost"]) -> Column:
        return column(kind, "failed", "fail-\ned", lambda row: format_count(row.failed) if row.trials else NOT_MEASURED)

    in_flight = column("cost", "most in\nflight", "in\nflight", lambda row: format_count(row.max_in_flight))
    cpu = column("cost", "CPU\n(s)", "CPU\n(s)", lambda row: format_fixed(row.cpu_s, 2))
    columns = [
        column("name", "approach", "approach", lambda row: sanitize(row.approach)),
        Column("speed", makespan, short_makespan, _makespans(rows, decimals)),
        column("speed", "ideal\n(s)", "ideal\n(s)", lambda row: format_fixed(row.ideal_s, decimals)),
        column("speed", "efficiency", "effi-\nciency", lambda row: format_fixed(row.efficiency, 3)),
    ]
    if has_faults(rows[0].point.server.behaviour):
        columns += [
            column(
                "speed", "answered", "answ-\nered", lambda row: format_count(row.ok) if row.trials else NOT_MEASURED
            ),
            failed("speed"),
            column("cost", "attempts", "atte-\nmpts", lambda row: format_count(row.attempts)),
            column("cost", "refused", "refu-\nsed", lambda row: format_count(row.refused)),
            column("cost", "longest\nquiet (s)", "quiet\n(s)", lambda row: format_fixed(row.longest_quiet_s, decimals)),
            in_flight,
            cpu,
        ]
    else:
        columns += [
            column("speed", "speed-up\nover sync", "over\nsync", _speedup),
            in_flight,
            column("cost", "threads", "thr-\neads", lambda row: format_count(row.threads_peak)),
            column("cost", "processes", "proc-\nesses", lambda row: format_count(row.processes_peak)),
            cpu,
            column("cost", "peak memory\n(MB)", "peak\n(MB)", _memory),
            failed("cost"),
        ]
    verdicts = tuple(_verdict(row, repeats) for row in rows)
    if any(verdicts):
        columns.append(Column("verdict", "verdict", "verdict", verdicts))
    lines = () if told is None else (told[0], f"Look at: {told[1]}")
    return Section(heading, lines, tuple(columns), _outcome(rows) if repeats > 1 else None)


def _decimals(rows: Sequence[SummaryRow]) -> int:
    times = [row.makespan.median for row in rows if row.makespan] + [row.ideal_s for row in rows if row.ideal_s]
    widths = [row.makespan.ci95[1] - row.makespan.ci95[0] for row in rows if row.makespan and row.makespan.ci95]
    return 3 if min(times, default=SMALL_S) < SMALL_S or min(widths, default=NARROW_S) < NARROW_S else 2


def _makespans(rows: Sequence[SummaryRow], decimals: int) -> tuple[str, ...]:
    """Medians, each with its interval; intervals are padded so that the medians line up."""
    medians = [format_fixed(row.makespan.median if row.makespan else None, decimals) for row in rows]
    spans = [row.makespan.ci95 if row.makespan else None for row in rows]
    intervals = [f" [{span[0]:.{decimals}f}, {span[1]:.{decimals}f}]" if span else "" for span in spans]
    widest = max(map(len, intervals))
    return tuple(median + interval.ljust(widest) for median, interval in zip(medians, intervals, strict=True))


def _speedup(row: SummaryRow) -> str:
    return NOT_MEASURED if row.speedup_vs_sync is None else f"{row.speedup_vs_sync:.2f}×"


def _memory(row: SummaryRow) -> str:
    return NOT_MEASURED if row.peak_memory_bytes is None else f"{row.peak_memory_bytes / 1e6:.0f}"


def _verdict(row: SummaryRow, repeats: int) -> str:
    """A single trial has no verdict, unless something kept it from being ranked."""
    words = [] if row.verdict == ONE_TRIAL or (row.verdict == IS_BASELINE and repeats == 1) else [sanitize(row.verdict)]
    if 0 < row.ranked < repeats:
        words.append(f"({row.ranked} of {plural(repeats, 'trial')})")
    return " ".join(words)


def _outcome(rows: Sequence[SummaryRow]) -> str | None:
    rows = [row for row in rows if row.approach != BASELINE]
    ranked = [row.approach for row in rows if row.ranked]
    fastest = [row.approach for row in rows if row.verdict == FASTEST]
    close = [row.approach for row in rows if row.verdict == NO_CLEAR_WINNER]
    if len(rows) == 1:
        return None
    if not ranked:
        return "None of them can be ranked."
    if len(ranked) == 1:
        return sanitize(f"Only {ranked[0]} can be ranked.")
    if fastest:
        return sanitize(f"{join_words(fastest)} is the fastest: its 95 % interval lies below every other.")
    if close:
        return sanitize(f"No clear winner between {join_words(close)}: their 95 % intervals overlap.")
    return "No fastest can be named: too few trials can be ranked."
