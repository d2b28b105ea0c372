"""The table for a person at a terminal, with what it means and remarks below."""

from __future__ import annotations

from itertools import zip_longest

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from labkit.model.load import SOUND, LoadRun
from labkit.output.page import Page
from labkit.reports.content.comparison import Column
from labkit.reports.content.drawing import drawn, drawn_remark, drawn_table, layouts, paper_of, saved
from labkit.reports.content.load import LAST_GOOD, Figures, Sheet, sheet
from labkit.reports.content.load_remarks import remarks
from labkit.reports.content.sparklines import LONGEST_STRIP, SHORTEST_STRIP, Strip, drawn_strip

GAP = 4


def render(run: LoadRun, page: Page) -> str:
    """Figures in two columns where they fit, then the rest; what is wider than the page is taken apart, never cut."""
    paper, whole = paper_of(page), sheet(run)
    parts = [
        "\n".join(drawn(Text(heading, "bold"), paper) for heading in whole.headings),
        *_figures(whole, paper.width),
        _strips(whole.strips, paper.width),
        *_tables(whole.columns, paper),
        "\n".join(drawn(Text(sentence), paper) for sentence in whole.sentences),
        _errors(whole.errors, paper),
        "\n".join(drawn_remark(remark, paper) for remark in remarks(run)),
        "" if page.saved is None else saved(page.saved, paper.width),
    ]
    return "\n\n".join(part for part in parts if part)


def _figures(whole: Sheet, width: int) -> list[str]:
    """Both lists side by side, or one below the other."""
    lists = [_list(figures) for figures in whole.figures]
    if lists and sum(len(lines[0]) for lines in lists) + GAP <= width:
        left, right = lists
        lines = zip_longest(left, right, fillvalue="")
        return ["\n".join(f"{one.ljust(len(left[0]) + GAP)}{other}".rstrip() for one, other in lines)]
    return ["\n".join(lines) for lines in lists]


def _list(figures: Figures) -> list[str]:
    """A line each, all equally wide."""
    names, values = (max(map(cell_len, texts)) for texts in zip(*figures, strict=True))
    return [f"{name.ljust(names)}  {value.rjust(values)}" for name, value in figures]


def _strips(strips: tuple[Strip, ...], width: int) -> str:
    """A line each, or nothing where the page has no room for strips that would tell something."""
    if not strips:
        return ""
    names, tails = (max(map(len, texts)) for texts in zip(*((one.title, one.highest) for one in strips), strict=True))
    length = min(LONGEST_STRIP, width - names - tails - 4)
    if length < SHORTEST_STRIP:
        return ""
    return "\n".join(f"{one.title.ljust(names)}  {drawn_strip(one, length)}  {one.highest}" for one in strips)


def _tables(columns: tuple[Column, ...], paper: Console) -> list[str]:
    if not columns:
        return []
    return [drawn_table(layout, _style, paper) for layout in layouts(columns, paper.width)]


def _errors(errors: tuple[str, ...], paper: Console) -> str:
    if not errors:
        return ""
    lines = [line for error in errors for line in Text(error, "red").wrap(paper, paper.width - 2, overflow="fold")]
    return "\n".join(["errors:", *(drawn(Text("  ") + line, paper) for line in lines)])


def _style(column: Column, cell: str) -> str:
    if column.kind != "verdict" or cell == SOUND:
        return ""
    return "bold green" if cell == LAST_GOOD else "yellow"
