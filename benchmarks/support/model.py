"""Parts of a benchmark: the tables that it declares, and the figures that it measures for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Protocol

MEASURED = "measured"  # the only column of a table of single figures


class BenchmarkError(Exception):
    """A benchmark cannot finish; the message names the cause."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The range that a figure must lie in, in the figure's unit; None is unlimited."""

    at_least: float | None = None
    at_most: float | None = None

    def holds(self, value: float) -> bool:
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of figures. Its unit and bound apply where the row has none."""

    name: str
    unit: str = ""
    bound: Bound | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A row of figures. `unit` is one of `benchmarks.support.format.DECIMALS`."""

    name: str
    unit: str = ""
    bound: Bound | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table as its benchmark declares it, without figures. `heading` is that of the column of row names."""

    heading: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    name: str = ""

    def unit(self, row: str, column: str) -> str:
        return self._row(row).unit or self._column(column).unit

    def bound(self, row: str, column: str) -> Bound | None:
        return self._row(row).bound or self._column(column).bound

    def _row(self, name: str) -> Row:
        return next(row for row in self.rows if row.name == name)

    def _column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value, None if the measurement gave none. `samples` are the values that it is the median of."""

    row: str
    column: str
    value: float | None
    samples: tuple[float, ...] = ()
    table: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one run. `notes` name everything that limits them: parts left out, trials that failed a check."""

    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = ()


class Benchmark(Protocol):
    """A module in `benchmarks/`. Its docstring is the method, in Markdown; README shows it above the tables.

    `NEEDS` names entries of `benchmarks.support.needs.NEEDS` without which it cannot run. Without
    the programs in `PARTS_NEED` it leaves out the figures that need them, with a note. `FULL` and `SMOKE` are the
    sizes that `run` takes: dataclasses with the same fields.
    """

    __doc__: str | None
    TITLE: str
    NEEDS: tuple[str, ...]
    PARTS_NEED: tuple[str, ...]
    TABLES: tuple[Table, ...]
    FULL: Any
    SMOKE: Any

    def run(self, size: Any) -> Report:
        """Measure. Raises `BenchmarkError`."""


def median_of(row: str, column: str, samples: Sequence[float], table: str = "") -> Figure:
    """The figure that is the median of `samples`; without any its value is None."""
    return Figure(row, column, median(samples) if samples else None, tuple(samples), table)


def median_ratio(row: str, column: str, over: Sequence[float], under: Sequence[float], table: str = "") -> Figure:
    """The figure that is the ratio of the medians of two series."""
    return Figure(row, column, median(over) / median(under) if over and under else None, table=table)


def table_of(tables: Sequence[Table], figure: Figure) -> Table:
    """The declared table of `figure`."""
    return next(table for table in tables if table.name == figure.table)


def verdict(tables: Sequence[Table], figure: Figure) -> bool | None:
    """True if the bound of `figure` holds; None without a bound. A figure without a value violates its bound."""
    bound = table_of(tables, figure).bound(figure.row, figure.column)
    return None if bound is None else figure.value is not None and bound.holds(figure.value)


def in_order(tables: Sequence[Table], figures: Sequence[Figure]) -> tuple[Figure, ...]:
    """The figures in the order of the declared tables. Raises ValueError for one that no table declares."""
    cells = [(table.name, row.name, column.name) for table in tables for row in table.rows for column in table.columns]
    return tuple(sorted(figures, key=lambda figure: cells.index((figure.table, figure.row, figure.column))))


def by_cell(figures: Sequence[Figure]) -> Mapping[tuple[str, str, str], Figure]:
    """The figures by table, row and column."""
    return {(figure.table, figure.row, figure.column): figure for figure in figures}
