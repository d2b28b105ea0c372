"""The sections of the page, one per grid point: its table, and for each approach a sentence about its typical trial."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import groupby

from labkit.analysis.analyse import Analysis
from labkit.analysis.summary import SummaryRow
from labkit.model import BASELINE, GridPoint, Trial
from labkit.reports.content.comparison import Section, sections
from labkit.reports.html.sentences import typical


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


def points(analysis: Analysis, sentences: dict[int, str]) -> tuple[Point, ...]:
    """All grid points in their natural order; `sentences` are those of the trials."""
    trials: dict[tuple[GridPoint, str], list[Trial]] = defaultdict(list)
    for checked in analysis.comparison.trials:
        trials[checked.trial.planned.point, checked.trial.planned.approach].append(checked.trial)
    found = []
    rows = groupby(analysis.summary, key=lambda row: row.point)
    for section, (point, of_point) in zip(sections(analysis), rows, strict=True):
        chosen = [(row, typical(trials[point, row.approach])) for row in of_point]
        texts = tuple((row.approach, _sentence(row, trial, sentences)) for row, trial in chosen)
        causes = tuple((row.approach, causes) for row, trial in chosen if trial and (causes := _causes(trial)))
        found.append(Point(section, texts, causes))
    return tuple(found)


def _sentence(row: SummaryRow, trial: Trial | None, sentences: dict[int, str]) -> str:
    if trial is None:
        return f"Not run: {row.verdict}."
    text = sentences[trial.planned.order]
    return f"Baseline, never ranked: {text[0].lower()}{text[1:]}" if row.approach == BASELINE else text


def _causes(trial: Trial) -> tuple[str, ...]:
    """The exceptions that were returned in place of bodies, each with its position."""
    return tuple(f"{at}: {cause}" for at, cause in enumerate(trial.causes or (), start=1) if cause is not None)
