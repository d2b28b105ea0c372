"""The table as GitHub's Markdown, for an issue or a README."""

from __future__ import annotations

import re

from labkit.model import Comparison
from labkit.reports import Page
from labkit.reports.parts.remarks import Remark, remarks
from labkit.reports.parts.sections import Column, Section, sections


def render(comparison: Comparison, page: Page) -> str:  # noqa: ARG001 - Markdown is laid out by who shows it
    """A heading and a table per grid point, then a list of remarks."""
    parts = [_section(section) for section in sections(comparison)]
    if below := remarks(comparison):
        parts.append("\n".join(_item(remark) for remark in below))
    return "\n\n".join(parts)


def _section(section: Section) -> str:
    lines = [f"**{section.heading}**", "", _row([column.title for column in section.columns])]
    lines.append(_row([":--" if column.is_text else "--:" for column in section.columns]))
    cells = [_cells(column) for column in section.columns]
    lines += [_row(list(row)) for row in zip(*cells, strict=True)]
    if section.outcome:
        lines += ["", _escaped(section.outcome)]
    return "\n".join(lines)


def _cells(column: Column) -> list[str]:
    return [_escaped(cell) if column.is_text else cell.strip() for cell in column.cells]


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _item(remark: Remark) -> str:
    if not remark.lines:
        return f"- {_escaped(remark.text)}"
    longest = max((len(run) for line in remark.lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([f"- {_escaped(remark.text)}", *(f"  {line}" for line in (f"{fence}text", *remark.lines, fence))])


def _escaped(text: str) -> str:
    """`text` shown as it is: a backslash before what Markdown or HTML would take for a sign of theirs.

    An underscore within a word is none.
    """
    return re.sub(r"[\\`*\[\]<>|~#&$]|(?<![^\W_])_|_(?![^\W_])", r"\\\g<0>", text)
