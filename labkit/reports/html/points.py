"""The sections of the page, one per grid point: its table, and for each approach a sentence about its typical trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from labkit.analysis.analyse import Analysis
from labkit.analysis.metrics import Metrics
from labkit.analysis.summary import SummaryRow
from labkit.model import BASELINE, Trial
from labkit.reports.content.comparison import Section, sections
from labkit.reports.html.sentences import baseline_sentence, sentence, typical


@dataclass(frozen=True, slots=True)
class Point:
    """One grid point. `sentences` has one per approach; `causes` lists the exceptions returned in place of bodies."""

    section: Section
    sentences: tuple[tuple[str, str], ...]
    causes: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def rows(self) -> tuple[tuple[str, ...], ...]:
        """The cells of the table, row by row."""
        return tuple(zip(*(column.cells for column in self.section.table.columns), strict=True))


def points(analysis: Analysis) -> tuple[Point, ...]:
    """All grid points in their natural order."""
    summary = groupby(analysis.summary, key=lambda row: row.point)
    pairs = zip(summary, sections(analysis), strict=True)
    return tuple(_point(analysis, tuple(rows), section) for (_, rows), section in pairs)


def _point(analysis: Analysis, rows: Sequence[SummaryRow], section: Section) -> Point:
    sync_s = next((row.handling_s for row in rows if row.approach == "sync"), None)
    chosen = [(row, typical(_trials(analysis, row))) for row in rows]
    return Point(
        section,
        sentences=tuple((row.approach, _sentence(row, found, sync_s)) for row, found in chosen),
        causes=tuple((row.approach, causes) for row, found in chosen if found and (causes := _causes(found[0]))),
    )


def _trials(analysis: Analysis, row: SummaryRow) -> list[tuple[Trial, Metrics]]:
    trials = (checked.trial for checked in analysis.comparison.trials)
    return [
        (trial, metrics)
        for trial, metrics in zip(trials, analysis.metrics, strict=True)
        if (trial.planned.approach, trial.planned.point) == (row.approach, row.point)
    ]


def _sentence(row: SummaryRow, found: tuple[Trial, Metrics] | None, sync_handling_s: float | None) -> str:
    if found is None:
        return f"Not run: {row.verdict}."
    text = sentence(*found, sync_handling_s)
    return baseline_sentence(text) if row.approach == BASELINE else text


def _causes(trial: Trial) -> tuple[str, ...]:
    """The exceptions that were returned in place of bodies, each with its position."""
    return tuple(f"{at}: {cause}" for at, cause in enumerate(trial.causes or (), start=1) if cause is not None)
