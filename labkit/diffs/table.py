"""The tables for a person at a terminal, or before a projector."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from labkit.analysis.diff import Pair, Several
from labkit.output.format import plural, sanitize
from labkit.output.page import Page
from labkit.reports.content.comparison import Column
from labkit.reports.content.diff import FASTER, LEGEND, SLOWER, Section, sections
from labkit.reports.content.diff_words import IS_BASELINE, NO_DIFFERENCE, changed, circumstances, how, only_in
from labkit.reports.content.drawing import drawn, drawn_remark, drawn_table, layouts, paper_of
from labkit.reports.content.trouble import Remark


def render(found: Pair | Several, page: Page) -> str:
    """A table per grid point; where it is wider than the page it is taken apart by columns, never cut."""
    paper = paper_of(page)
    parts = [_head(found, paper), *(_section(section, paper) for section in sections(found))]
    below = [*only_in(found), *how(found)] if isinstance(found, Pair) else [LEGEND, *how(found)]
    parts.append("\n".join(drawn_remark(Remark("notice", line), paper) for line in below))
    return "\n\n".join(parts)


def _head(found: Pair | Several, paper: Console) -> str:
    if isinstance(found, Several):
        return drawn(Text(plural(len(found.sides), "result"), "bold"), paper)
    lines = []
    for name, side in (("A", found.first), ("B", found.second)):
        lines += [drawn(Text(f"{name}  {sanitize(side.label)}", "bold"), paper)]
        lines += [drawn_remark(Remark("notice", f"   {circumstances(side)}"), paper)]
    lines += ["", drawn(Text("What changed around them", "bold"), paper)]
    lines += [drawn_remark(Remark("notice", f"   {line}"), paper) for line in changed(found)]
    return "\n".join(lines)


def _section(section: Section, paper: Console) -> str:
    tables = [drawn_table(layout, _style, paper) for layout in layouts(section.columns, paper.width)]
    return "\n\n".join([drawn(Text(section.heading, "bold"), paper), *tables])


def _style(column: Column, cell: str) -> str:
    if column.kind == "speed":
        return {SLOWER: "bold yellow", FASTER: "bold green"}.get(cell[-1:], "")
    differs = column.header == "verdict" and cell not in {NO_DIFFERENCE, IS_BASELINE}
    return "bold yellow" if differs else ""
