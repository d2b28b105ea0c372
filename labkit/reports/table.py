"""The table for a person at a terminal, with a sentence about the outcome and remarks below."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from labkit.analysis.summary import FASTEST, NO_CLEAR_WINNER, SLOWER
from labkit.model import Comparison
from labkit.output.page import Page
from labkit.reports.content.comparison import Column, Section, sections
from labkit.reports.content.drawing import drawn, drawn_remark, drawn_table, layouts, paper_of, saved
from labkit.reports.content.remarks import remarks


def render(comparison: Comparison, page: Page) -> str:
    """A table per grid point; where it is wider than the page it is taken apart by columns, never cut."""
    paper = paper_of(page)
    parts = [_section(section, paper) for section in sections(comparison)]
    if below := remarks(comparison):
        parts.append("\n".join(drawn_remark(remark, paper) for remark in below))
    if page.saved is not None:
        parts.append(saved(page.saved, paper.width))
    return "\n\n".join(parts)


def _section(section: Section, paper: Console) -> str:
    head = [Text(section.heading, "bold"), *map(Text, section.about)]
    parts = ["\n".join(drawn(line, paper) for line in head)]
    parts += [drawn_table(layout, _style, paper) for layout in layouts(section.columns, paper.width)]
    if section.outcome:
        parts.append(drawn(Text(section.outcome), paper))
    return "\n\n".join(parts)


def _style(column: Column, cell: str) -> str:
    if column.kind != "verdict" or cell in {"", NO_CLEAR_WINNER, SLOWER}:
        return ""
    return "bold green" if cell == FASTEST else "yellow"
