"""Parts of live displays: items on few lines, and bars."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil

from rich.text import Text

from labkit.output.format import SEPARATOR

LONGEST_BAR = 10


def packed(items: Iterable[Text], width: int) -> list[Text]:
    """Put `items` on as few lines as possible; an item wider than a line ends in an ellipsis."""
    lines: list[Text] = []
    for item in items:
        joined = Text(SEPARATOR).join([lines[-1], item]) if lines else item
        if lines and joined.cell_len <= width:
            lines[-1] = joined
        else:
            lines.append(item)
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return lines


def bar(part: float, whole: float, length: int) -> Text:
    """Draw `part` of `whole` as a bar, rounded up so that the first step shows."""
    full = min(length, ceil(length * part / whole))
    return Text.assemble(("█" * full, "cyan"), "░" * (length - full))
