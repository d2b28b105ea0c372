"""The report as GitHub's Markdown, for an issue or a README."""

from __future__ import annotations

import re
from collections.abc import Sequence

from labkit.output.page import Page
from labkit.reports import Report
from labkit.reports.blocks import Block, Column, Figures, Heading, Item, Items, Paragraph, Sparklines, Table
from labkit.reports.sparklines import draw

# Wide enough for the longest sparkline with its title.
WIDTH = 140


def render(report: Report, page: Page) -> str:  # noqa: ARG001 - the reader's browser lays Markdown out
    """Render each block as a paragraph, table or list."""
    return "\n\n".join(map(_block, report.blocks()))


def _block(block: Block) -> str:
    match block:
        case Heading(title, about):
            return "\n\n".join([f"**{_escape(title)}**", *map(_escape, about)])
        case Paragraph(sentences):
            return "\n\n".join(map(_escape, sentences))
        case Table(columns):
            return _table(columns)
        case Figures(lists):
            return "\n\n".join(map(_figures, lists))
        case Sparklines(lines):
            return _fenced(draw(lines, WIDTH))
        case Items(items):
            return "\n".join(map(_item, items))


def _table(columns: Sequence[Column]) -> str:
    cells = [
        [cell.strip() if column.kind == "figure" else _escape(cell) for cell in column.cells] for column in columns
    ]
    header = [_escape(column.title) for column in columns]
    rule = ["--:" if column.kind == "figure" else ":--" for column in columns]
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, rule, *zip(*cells, strict=True)])


def _figures(figures: Sequence[tuple[str, str]]) -> str:
    names, values = zip(*figures, strict=True)
    return _table((Column("name", "figure", names), Column("figure", "value", values)))


def _item(item: Item) -> str:
    label = f"**{_escape(' '.join(item.label.split()))}** " if item.label else ""
    below = [item.action, *item.lines] if item.action else item.lines
    fenced = _fenced(below).splitlines() if below else []
    return "\n".join([f"- {label}{_escape(item.text)}", *(f"  {line}" for line in fenced)])


def _fenced(lines: Sequence[str]) -> str:
    """Put `lines` in a code fence that is longer than every run of backquotes in them."""
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([f"{fence}text", *lines, fence])


def _escape(text: str) -> str:
    """Put a backslash before each character that Markdown or HTML would interpret.

    An underscore within a word is not interpreted.
    """
    return re.sub(r"[\\`*\[\]<>|~#&$]|(?<![^\W_])_|_(?![^\W_])", r"\\\g<0>", text)
