"""The report for a person at a terminal: nothing is wider than the page, and no figure is cut."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from labkit.output.format import SEPARATOR
from labkit.output.page import Page
from labkit.output.text import cut, pad, text_width, wrap
from labkit.reports import Report
from labkit.reports.blocks import Block, Figures, Heading, Item, Items, Paragraph, Sparklines, Table
from labkit.reports.layout import Layout, layouts
from labkit.reports.sparklines import draw

# Wider than any line: without a terminal nothing is wrapped.
ENDLESS = 1_000_000
GAP = 4
STYLES = {"": "", "strong": "1", "good": "1;32", "warning": "33", "bad": "31"}


def render(report: Report, page: Page) -> str:
    """Render each block as lines; the place of the result stays in one piece, so that it can be copied."""
    sheet = _Sheet(page)
    parts = [text for block in report.blocks() if (text := sheet.block(block))]
    if page.saved is not None:
        fits = text_width(line := f"Saved in {page.saved}") <= sheet.width
        parts.append(line if fits else f"Saved in\n{page.saved}")
    return "\n\n".join(parts)


class _Sheet:
    """Draws blocks for one page."""

    def __init__(self, page: Page) -> None:
        self.width = page.width or ENDLESS
        self._colour = page.colour

    def block(self, block: Block) -> str:
        match block:
            case Heading(title, about):
                lines = [self._paint(line, "strong") for line in wrap(title, self.width, SEPARATOR)]
                return "\n".join([*lines, *self._wrapped(about)])
            case Paragraph(sentences):
                return "\n".join(self._wrapped(sentences))
            case Table(_, one_line):
                parts = layouts(block, self.width)
                return "\n\n".join("\n".join(self._table(part, one_line=one_line)) for part in parts)
            case Figures(lists):
                return self._figures(lists)
            case Sparklines(lines):
                return "\n".join(draw(lines, self.width))
            case Items(items):
                labels = max((text_width(item.label) for item in items), default=0)
                return "\n".join(line for item in items for line in self._item(item, labels))

    def _wrapped(self, texts: Sequence[str]) -> list[str]:
        return [line for text in texts for line in wrap(text, self.width)]

    def _table(self, layout: Layout, *, one_line: bool) -> list[str]:
        shape = list(zip(layout.columns, layout.widths, strict=True))
        headers = [header.split("\n") for header in layout.headers]
        height = max(map(len, headers))
        lines = self._row(layout, [[""] * (height - len(header)) + header for header in headers], [""] * len(shape))
        lines.append("─" * (sum(layout.widths) + layout.gap * (len(shape) - 1)))
        for place in range(len(layout.columns[0].cells)):
            cells = [_fold(column.cells[place], width, one_line=one_line) for column, width in shape]
            lines += self._row(layout, cells, [column.tones[place] if column.tones else "" for column, _ in shape])
        return lines

    def _row(self, layout: Layout, cells: Sequence[list[str]], tones: Sequence[str]) -> list[str]:
        """Lay out one row, whose cells may have several lines."""
        lines = []
        for texts in zip_longest(*cells, fillvalue=""):
            padded = [
                pad(text, width, right=column.kind == "figure")
                for text, width, column in zip(texts, layout.widths, layout.columns, strict=True)
            ]
            lines.append((" " * layout.gap).join(map(self._paint, padded, tones)).rstrip())
        return lines

    def _figures(self, lists: Sequence[Sequence[tuple[str, str]]]) -> str:
        """Put the lists side by side if they fit, otherwise one below the other."""
        drawn = []
        for figures in lists:
            names, values = (max(map(text_width, texts)) for texts in zip(*figures, strict=True))
            drawn.append([f"{pad(name, names)}  {pad(value, values, right=True)}" for name, value in figures])
        if sum(text_width(lines[0]) + GAP for lines in drawn) - GAP > self.width:
            return "\n\n".join("\n".join(lines) for lines in drawn)
        widths = [text_width(lines[0]) + GAP for lines in drawn]
        rows = zip_longest(*drawn, fillvalue="")
        return "\n".join("".join(map(pad, row, widths)).rstrip() for row in rows)

    def _item(self, item: Item, labels: int) -> list[str]:
        """Draw the text with a hanging indent, behind a label as wide as the widest; the rest goes below it."""
        indent, below = (labels + 2, labels + 2) if labels else (2, 4)
        label = f"{self._paint(pad(item.label, labels), item.tone)}  " if labels else ""
        first, *more = (self._paint(line, "" if labels else item.tone) for line in wrap(item.text, self.width - indent))
        lines = [label + first, *(" " * indent + line for line in more)]
        if item.action:  # never wrapped: a command must be copied as one line
            lines.append(f"{' ' * below}→ {item.action}")
        return lines + [" " * below + line for text in item.lines for line in wrap(text, self.width - below)]

    def _paint(self, text: str, style: str) -> str:
        code = STYLES[style]
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour and code and text else text


def _fold(cell: str, width: int, *, one_line: bool) -> list[str]:
    if text_width(cell) <= width:
        return [cell]
    return [cut(cell, width)] if one_line else wrap(cell, width)
