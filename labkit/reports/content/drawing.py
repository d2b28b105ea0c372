"""Drawing on a page: tables that are taken apart where they are wider than it, never cut, and remarks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from labkit.output.page import Page
from labkit.reports.content.comparison import Column
from labkit.reports.content.trouble import Remark

# Wider than anything printed: without a terminal nothing is wrapped.
ENDLESS = 1_000_000
# Words may wrap down to this width, a name too when a line has no room for anything else.
TEXT_WIDTH = 15
NAME_WIDTH = 8
REMARK_STYLES = {"trial": "red", "check": "yellow", "notice": ""}


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns that fit side by side: how wide each is, which headers they have and how far they are apart."""

    columns: tuple[Column, ...]
    widths: tuple[int, ...]
    headers: tuple[str, ...]
    gap: int


def paper_of(page: Page) -> Console:
    """What is drawn on, as wide and as colourful as `page`."""
    return Console(
        file=StringIO(),
        width=page.width or ENDLESS,
        force_terminal=page.colour,
        color_system="standard" if page.colour else None,
        no_color=not page.colour,
        legacy_windows=False,
        markup=False,
        highlight=False,
        emoji=False,
    )


def layouts(columns: tuple[Column, ...], width: int) -> list[Layout]:
    """One layout where `width` allows, otherwise several that each begin with the names.

    Then what tells how fast an approach is stays together, and what it costs.
    """
    if whole := _layout(columns, width):
        return [whole]
    name, *others = columns
    found: list[Layout] = []
    for kinds in ({"speed", "verdict"}, {"cost"}):
        taken = [name]
        for column in (column for column in others if column.kind in kinds):
            if len(taken) > 1 and not _layout((*taken, column), width):
                found.append(_squeezed(tuple(taken), width))
                taken = [name]
            taken.append(column)
        if len(taken) > 1:
            found.append(_squeezed(tuple(taken), width))
    return found


def _layout(columns: tuple[Column, ...], width: int) -> Layout | None:
    """The most generous layout that fits, padding being the first to go."""
    for gap, short in ((2, False), (1, False), (2, True), (1, True)):
        headers = tuple(column.short if short else column.header for column in columns)
        widths = [_least(column, header) for column, header in zip(columns, headers, strict=True)]
        spare = width - sum(widths) - gap * (len(columns) - 1)
        if spare >= 0:
            last = columns[-1]
            if last.kind == "verdict":
                widths[-1] = min(max(widths[-1], _widest(last.cells)), widths[-1] + spare)
            return Layout(columns, tuple(widths), headers, gap)
    return None


def _squeezed(columns: tuple[Column, ...], width: int) -> Layout:
    """The layout, with names that wrap where there is no other way."""
    if layout := _layout(columns, width):
        return layout
    headers = tuple(column.short for column in columns)
    widths = [_least(column, header) for column, header in zip(columns, headers, strict=True)]
    widths[0] = max(NAME_WIDTH, width - sum(widths[1:]) - len(columns) + 1)
    return Layout(columns, tuple(widths), headers, 1)


def _least(column: Column, header: str) -> int:
    cells = _widest(column.cells)
    return max(_widest(header.split("\n")), min(cells, TEXT_WIDTH) if column.kind == "verdict" else cells)


def _widest(texts: list[str] | tuple[str, ...]) -> int:
    return max(map(cell_len, texts), default=0)


def drawn_table(layout: Layout, style: Callable[[Column, str], str], paper: Console) -> str:
    """One layout; `style` says how a column's cell looks."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, layout.gap - 1, 0, 0))
    for column, width, header in zip(layout.columns, layout.widths, layout.headers, strict=True):
        table.add_column(
            header, width=width, justify="left" if column.is_text else "right", vertical="top", overflow="fold"
        )
    for row in zip(*(column.cells for column in layout.columns), strict=True):
        table.add_row(*(Text(cell, style(column, cell)) for column, cell in zip(layout.columns, row, strict=True)))
    return drawn(table, paper)


def drawn_remark(remark: Remark, paper: Console) -> str:
    """A remark with what belongs to it below, further to the right."""
    first, *rest = Text(remark.text, REMARK_STYLES[remark.kind]).wrap(paper, paper.width - 2, overflow="fold")
    lines = [first, *(Text("  ") + line for line in rest)]
    for said in remark.lines:
        lines += [Text("    ") + line for line in Text(said).wrap(paper, paper.width - 4, overflow="fold")]
    return "\n".join(drawn(line, paper) for line in lines)


def saved(path: str, width: int) -> str:
    """Where the result is: a path stays in one piece, so that it can be copied."""
    said = f"The result is kept in {path}"
    return said if cell_len(said) <= width else f"The result is kept in\n{path}"


def drawn(what: Table | Text, paper: Console) -> str:
    """`what` as lines of `paper`, without spaces at their ends."""
    with paper.capture() as captured:
        paper.print(what)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())
