"""The tables that people are shown: a section per grid point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from labkit.analysis.diff import Against, Cell, Pair, Row, Several, Side
from labkit.model import GridPoint
from labkit.output.format import NOT_MEASURED, format_count, format_fixed, format_grid_point, sanitize
from labkit.reports.content.comparison import SMALL_S, Column
from labkit.reports.content.diff_words import kernel, percent, verdict

SLOWER, FASTER, FEW = "▲", "▼", "?"
LEGEND = (
    f"{SLOWER} slower than the machine in the middle, {FASTER} faster, {FEW} too few trials to tell, no mark: no "
    "difference to be seen."
)


@dataclass(frozen=True, slots=True)
class Section:
    """One grid point."""

    heading: str
    columns: tuple[Column, ...]


def sections(found: Pair | Several) -> tuple[Section, ...]:
    """Every grid point in its natural order."""
    return _of_pair(found) if isinstance(found, Pair) else _of_several(found)


def _of_pair(found: Pair) -> tuple[Section, ...]:
    grouped = groupby(found.rows, key=lambda row: row.point)
    return tuple(_pair_section(point, tuple(rows)) for point, rows in grouped)


def _pair_section(point: GridPoint, rows: Sequence[Row]) -> Section:
    decimals = _decimals([cell for row in rows for cell in (row.first, row.second)])
    columns = (
        Column("name", "approach", "approach", tuple(sanitize(row.approach) for row in rows)),
        Column("speed", "A\n(s)", "A\n(s)", tuple(format_fixed(row.first.median_s, decimals) for row in rows)),
        Column("speed", "B\n(s)", "B\n(s)", tuple(format_fixed(row.second.median_s, decimals) for row in rows)),
        Column("speed", "B − A\n(s)", "B − A\n(s)", tuple(_signed(row.difference_s, decimals) for row in rows)),
        Column("speed", "change in %\n[95 %]", "change in %\n[95 %]", _padded([_change(row) for row in rows])),
        Column("speed", "trials\nA, B", "trials\nA, B", tuple(_trials(row) for row in rows)),
        Column("verdict", "verdict", "verdict", tuple(verdict(row) for row in rows)),
    )
    return Section(format_grid_point(point), columns)


def _signed(value: float | None, decimals: int) -> str:
    return NOT_MEASURED if value is None else f"{value:+.{decimals}f}".replace("-", "−")


def _change(row: Row) -> tuple[str, str]:
    if row.ratio is None:
        return NOT_MEASURED, ""
    interval = row.ratio_ci95
    return percent(row.ratio), f" [{percent(interval[0])}, {percent(interval[1])}]" if interval else ""


def _padded(cells: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    widest = max((len(interval) for _, interval in cells), default=0)
    return tuple(estimate + interval.ljust(widest) for estimate, interval in cells)


def _trials(row: Row) -> str:
    return f"{_ranked(row.first)}, {_ranked(row.second)}"


def _ranked(cell: Cell) -> str:
    """How many trials count, and of how many where that is not all."""
    number = len(cell.makespans_s)
    return str(number) if number == cell.trials else f"{number}/{cell.trials}"


def _of_several(found: Several) -> tuple[Section, ...]:
    """What the machines are stands in the first one alone."""
    result = Column("name", "result", "result", tuple(sanitize(each.label) for each in found.sides))
    grouped = groupby(found.columns.items(), key=lambda item: item[0][0])
    figures = {
        point: tuple(_figures(approach, column, found.sides) for (_, approach), column in items)
        for point, items in grouped
    }
    return tuple(
        Section(format_grid_point(point), (result, *(() if place else _machines(found.sides)), *columns))
        for place, (point, columns) in enumerate(figures.items())
    )


def _machines(sides: Sequence[Side]) -> tuple[Column, ...]:
    """What the machines are; where a page is narrow that is a table of its own, below the figures."""
    environments = [each.environment for each in sides]
    return (
        Column("cost", "cpus", "cpus", tuple(format_count(each.cpus) for each in environments)),
        Column("cost", "runtime", "run-\ntime", tuple(sanitize(each.runtime) for each in environments)),
        Column("cost", "Python", "Python", tuple(sanitize(each.python or NOT_MEASURED) for each in environments)),
        Column("cost", "kernel", "kernel", tuple(map(kernel, environments))),
    )


def _figures(approach: str, column: Sequence[Against], sides: Sequence[Side]) -> Column:
    decimals = _decimals([against.cell for against in column])
    cells = {against.side.label: _figure(against, decimals) for against in column}
    name = sanitize(approach)
    broken = name.replace("_", "_\n")
    return Column(
        "speed",
        f"{name}\n(s), efficiency",
        f"{broken}\n(s), eff.",
        tuple(cells.get(each.label, f"{NOT_MEASURED}  ") for each in sides),
    )


def _figure(against: Against, decimals: int) -> str:
    cell = against.cell
    mark = {"slower": SLOWER, "faster": FASTER, "few": FEW}.get(against.row.verdict, " ") if against.row else " "
    return f"{format_fixed(cell.median_s, decimals)} {format_fixed(cell.efficiency, 2)} {mark}"


def _decimals(cells: Sequence[Cell]) -> int:
    return 3 if min((cell.median_s for cell in cells if cell.median_s is not None), default=SMALL_S) < SMALL_S else 2
