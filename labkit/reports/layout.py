"""Layouts of a table: columns side by side where they fit the page, and several tables where they do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labkit.output.text import text_width
from labkit.reports.blocks import Column, Table

# Texts wrap down to this many columns; names do, too, but only if a line has no room for anything else.
TEXT_WIDTH = 15
NAME_WIDTH = 8
# A text that is cut keeps at least this much where columns can be left out for it.
CUT_WIDTH = 24
# The gap between columns, and whether headers are short: the most generous first.
SHAPES = ((2, False), (1, False), (2, True), (1, True))
ROOMY = SHAPES[:1]


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns that fit side by side, with their widths and headers, and the `gap` between them."""

    columns: tuple[Column, ...]
    widths: tuple[int, ...]
    headers: tuple[str, ...]
    gap: int


def layouts(table: Table, width: int) -> list[Layout]:
    """Return one layout if the page allows it, otherwise several, each of which starts with the first column.

    Secondary columns then follow after the others.
    """
    least = CUT_WIDTH if table.one_line else TEXT_WIDTH
    needed = tuple(column for column in table.columns if not column.optional)
    if whole := _fit(table.columns, width, least, ROOMY) or _fit(needed, width, least):
        return [whole]
    if table.one_line:
        return [_squeeze(needed, width)]
    name, *others = needed
    parts: list[list[Column]] = []
    for secondary in (False, True):
        taken = [name]
        for column in (column for column in others if column.secondary is secondary):
            if len(taken) > 1 and not _fit((*taken, column), width, least):
                parts.append(taken)
                taken = [name]
            taken.append(column)
        parts.append(taken)
    return [_squeeze(part, width) for part in parts if len(part) > 1]


def _fit(
    columns: Sequence[Column], width: int, least: int, shapes: Sequence[tuple[int, bool]] = SHAPES
) -> Layout | None:
    """Return the layout in the first of `shapes` that fits; texts shrink to `least`, the widest first."""
    for gap, short in shapes:
        headers = [column.short if short and column.short else column.header for column in columns]
        widths = [_widest(column, header) for column, header in zip(columns, headers, strict=True)]
        floors = [
            max(_widest_line(header), min(full, least)) if column.kind == "text" else full
            for column, header, full in zip(columns, headers, widths, strict=True)
        ]
        spare = width - sum(floors) - gap * (len(columns) - 1)
        if spare >= 0:
            while (excess := sum(widths) - sum(floors) - spare) > 0:
                place = max(range(len(widths)), key=lambda each: widths[each] - floors[each])
                widths[place] -= max(1, excess // len(widths))
            return Layout(tuple(columns), tuple(widths), tuple(headers), gap)
    return None


def _squeeze(columns: Sequence[Column], width: int) -> Layout:
    """Return a layout in any case: texts become as narrow as names, and at last the first column wraps."""
    if layout := _fit(columns, width, TEXT_WIDTH) or _fit(columns, width, NAME_WIDTH):
        return layout
    headers = [column.short or column.header for column in columns]
    widths = [
        max(_widest_line(header), NAME_WIDTH) if column.kind == "text" else _widest(column, header)
        for column, header in zip(columns, headers, strict=True)
    ]
    widths[0] = max(NAME_WIDTH, width - sum(widths[1:]) - len(columns) + 1)
    return Layout(tuple(columns), tuple(widths), tuple(headers), 1)


def _widest(column: Column, header: str) -> int:
    return max(_widest_line(header), *map(text_width, column.cells), 0)


def _widest_line(header: str) -> int:
    return max(map(text_width, header.split("\n")))
