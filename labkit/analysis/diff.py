"""The differences between saved comparisons: two of them, or many against the median one. Pure functions.

Only the makespans of rankable trials count. The baseline is shown and never judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from statistics import median
from typing import Literal

from labkit.analysis.rank_tests import ALPHA, holm, least_p, p_beyond, shift, smallest_sample
from labkit.model import BASELINE, Comparison, Environment, GridPoint

Verdict = Literal["none", "slower", "faster", "few", "baseline"]
Key = tuple[GridPoint, str]
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Cell:
    """One approach at one grid point of one result: the makespans that count, out of `trials` that ran."""

    makespans_s: tuple[float, ...]
    trials: int
    ideal_s: float

    @property
    def median_s(self) -> float | None:
        return median(self.makespans_s) if self.makespans_s else None

    @property
    def efficiency(self) -> float | None:
        """Ideal ÷ median makespan."""
        return None if self.median_s is None else self.ideal_s / self.median_s


@dataclass(frozen=True, slots=True)
class Side:
    """The compared part of one result, with the name that the report gives it."""

    label: str
    id: str
    started_at: str
    environment: Environment
    cells: dict[Key, Cell]


@dataclass(frozen=True, slots=True)
class Row:
    """The difference of `second` from `first` for one approach at one grid point.

    `difference_s` is that of the medians, `difference_ci95_s` the interval of the shift between the samples; `ratio` is
    second ÷ first, estimated on logarithms like its interval. `p` tests the hypothesis that the ratio lies within the
    margin, and `p_holm` is adjusted for all judged rows: those with enough trials to show any difference. Values that
    need more trials are None.
    """

    point: GridPoint
    approach: str
    first: Cell
    second: Cell
    difference_s: float | None
    difference_ci95_s: Interval | None
    ratio: float | None
    ratio_ci95: Interval | None
    p: float | None
    p_holm: float | None
    verdict: Verdict


@dataclass(frozen=True)
class Pair:
    """Two results. `least` is the smallest relative change that counts as a difference."""

    first: Side
    second: Side
    least: float
    rows: tuple[Row, ...]

    @property
    def compared(self) -> tuple[Row, ...]:
        """Every row, in order."""
        return self.rows


@dataclass(frozen=True)
class Against:
    """One result against the reference of a grid point and approach; `row` is None for the reference itself."""

    side: Side
    cell: Cell
    reference: str
    row: Row | None


@dataclass(frozen=True)
class Several:
    """Many results: at every grid point and for every approach, each result against the median one."""

    sides: tuple[Side, ...]
    least: float
    columns: dict[Key, tuple[Against, ...]]

    @property
    def compared(self) -> tuple[Row, ...]:
        """Every row, in order."""
        return tuple(against.row for column in self.columns.values() for against in column if against.row is not None)


def count_judged(rows: Sequence[Row]) -> int:
    """Count the judged rows, for which Holm's adjustment allows."""
    return sum(row.p_holm is not None for row in rows)


def trials_needed(rows: Sequence[Row]) -> int:
    """Return the number of trials per approach with which every row could be judged."""
    return smallest_sample(sum(row.verdict != "baseline" for row in rows))


def make_side(label: str, comparison: Comparison) -> Side:
    """Take from `comparison` the values to compare; traced trials are left out."""
    planned = {(trial.point, trial.approach): trial.ideal_s for trial in comparison.plan.trials if not trial.traced}
    ideals_s = dict(planned)  # a trial's own may be lower: without a GIL more cores are usable
    ran: dict[Key, int] = dict.fromkeys(planned, 0)
    makespans: dict[Key, list[float]] = {key: [] for key in planned}
    for checked in comparison.trials:
        trial = checked.trial
        key = trial.planned.point, trial.planned.approach
        if key in planned and not trial.planned.traced:
            ran[key] += 1
            ideals_s[key] = trial.planned.ideal_s
            if checked.rankable and trial.makespan_s is not None and trial.makespan_s > 0:
                makespans[key].append(trial.makespan_s)
    places = {approach: place for place, approach in enumerate(comparison.plan.approaches)}
    keys = sorted(planned, key=lambda key: (key[0].place, places.get(key[1], len(places)), key[1]))
    cells = {key: Cell(tuple(makespans[key]), ran[key], ideals_s[key]) for key in keys}
    return Side(label, comparison.id, comparison.started_at, comparison.environment, cells)


def compare_pair(first: Side, second: Side, least: float) -> Pair:
    """Compare `second` with `first` at every grid point and for every approach that both planned."""
    pairs = [(key, first.cells[key], second.cells[key]) for key in first.cells if key in second.cells]
    return Pair(first, second, least, tuple(_judge(pairs, least)))


def compare_several(sides: Sequence[Side], least: float) -> Several:
    """Compare all with the median result, which is chosen for each grid point and approach."""
    keys = sorted({key: None for each in sides for key in each.cells}, key=lambda key: key[0].place)
    references = {key: _reference(key, sides) for key in keys}
    others = [
        (key, each, references[key].cells[key], each.cells[key])
        for key in keys
        for each in sides
        if key in each.cells and each is not references[key]
    ]
    rows = _judge([(key, reference, cell) for key, _, reference, cell in others], least)
    by_label = {(key, each.label): row for (key, each, _, _), row in zip(others, rows, strict=True)}
    columns = {
        key: tuple(
            Against(each, each.cells[key], references[key].label, by_label.get((key, each.label)))
            for each in sides
            if key in each.cells
        )
        for key in keys
    }
    return Several(tuple(sides), least, columns)


def _reference(key: Key, sides: Sequence[Side]) -> Side:
    """Choose the result with the (lower) middle median, if possible among those with enough trials to be compared."""
    having = [each for each in sides if key in each.cells]
    sized = [each for each in having if least_p(n := len(each.cells[key].makespans_s), n) <= ALPHA]
    known = sized or [each for each in having if each.cells[key].makespans_s] or having
    ordered = sorted(known, key=lambda each: each.cells[key].median_s or 0.0)
    return ordered[(len(ordered) - 1) // 2]


def _judge(pairs: Sequence[tuple[Key, Cell, Cell]], least: float) -> list[Row]:
    """Return one row for each pair of cells."""
    margin = log(1 + least)
    p_values = {
        place: p_beyond(_logs(first), _logs(second), margin)
        for place, ((_, approach), first, second) in enumerate(pairs)
        if approach != BASELINE and least_p(len(first.makespans_s), len(second.makespans_s)) <= ALPHA
    }
    adjusted = dict(zip(p_values, holm(list(p_values.values())), strict=True))
    return [
        _row(
            key,
            first,
            second,
            _Judgement(p_values[place], adjusted[place], len(adjusted)) if place in adjusted else None,
        )
        for place, (key, first, second) in enumerate(pairs)
    ]


@dataclass(frozen=True, slots=True)
class _Judgement:
    """The p-value of one row, alone and adjusted as one of `family` rows."""

    p: float
    p_holm: float
    family: int


def _row(key: Key, first: Cell, second: Cell, judged: _Judgement | None) -> Row:
    point, approach = key
    verdict: Verdict = "baseline" if approach == BASELINE else "few"
    if first.median_s is None or second.median_s is None:
        return Row(point, approach, first, second, None, None, None, None, None, None, verdict)
    of_logs = shift(_logs(first), _logs(second))
    return Row(
        point=point,
        approach=approach,
        first=first,
        second=second,
        difference_s=second.median_s - first.median_s,
        difference_ci95_s=shift(first.makespans_s, second.makespans_s).ci95,
        ratio=exp(of_logs.estimate),
        ratio_ci95=None if of_logs.ci95 is None else (exp(of_logs.ci95[0]), exp(of_logs.ci95[1])),
        p=None if judged is None else judged.p,
        p_holm=None if judged is None else judged.p_holm,
        verdict=verdict if judged is None else _verdict(first, second, of_logs.estimate, judged),
    )


def _verdict(first: Cell, second: Cell, estimate: float, judged: _Judgement) -> Verdict:
    if judged.p_holm <= ALPHA:
        return "slower" if estimate > 0 else "faster"
    conclusive = judged.family * least_p(len(first.makespans_s), len(second.makespans_s)) <= ALPHA
    return "none" if conclusive else "few"


def _logs(cell: Cell) -> list[float]:
    return [log(makespan_s) for makespan_s in cell.makespans_s]
