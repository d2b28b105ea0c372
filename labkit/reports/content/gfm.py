"""GitHub's Markdown: tables, items and text that stays text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from labkit.reports.content.comparison import Column
from labkit.reports.content.trouble import Remark


def table(columns: Sequence[Column]) -> str:
    """Words to the left, figures to the right."""
    lines = [_row([column.title for column in columns])]
    lines.append(_row([":--" if column.is_text else "--:" for column in columns]))
    cells = [[escaped(cell) if column.is_text else cell.strip() for cell in column.cells] for column in columns]
    return "\n".join([*lines, *(_row(row) for row in zip(*cells, strict=True))])


def item(remark: Remark) -> str:
    """A list's item; the lines that belong to it stand in a fence which they cannot close."""
    if not remark.lines:
        return f"- {escaped(remark.text)}"
    longest = max((len(run) for line in remark.lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([f"- {escaped(remark.text)}", *(f"  {line}" for line in (f"{fence}text", *remark.lines, fence))])


def escaped(text: str) -> str:
    """`text` shown as it is: a backslash before what Markdown or HTML would take for a sign of theirs.

    An underscore within a word is none.
    """
    return re.sub(r"[\\`*\[\]<>|~#&$]|(?<![^\W_])_|_(?![^\W_])", r"\\\g<0>", text)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
