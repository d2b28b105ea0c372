"""Sparklines: values over time as bars, one character each."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from labkit.reports.blocks import Sparkline

BARS = "▁▂▃▄▅▆▇█"
# More bars show no more; fewer show nothing.
LONGEST = 100
SHORTEST = 8


def draw(sparklines: Sequence[Sparkline], width: int) -> list[str]:
    """Return one line per sparkline, with its title and its highest value; none if `width` is too small for bars."""
    titles, tails = (max(map(len, texts)) for texts in zip(*((s.title, s.highest) for s in sparklines), strict=True))
    length = min(LONGEST, width - titles - tails - 4)
    if length < SHORTEST:
        return []
    return [f"{each.title.ljust(titles)}  {bars(each, length)}  {each.highest}" for each in sparklines]


def bars(sparkline: Sparkline, most: int) -> str:
    """Return at most `most` bars; the lowest bar is 0, and a blank means that there is no value."""
    values, length = sparkline.values, min(most, len(sparkline.values))
    edges = [number * len(values) // length for number in range(length + 1)]
    top = max((value for value in values if value is not None), default=0.0)
    parts = [[value for value in values[start:end] if value is not None] for start, end in pairwise(edges)]
    return "".join(_bar(sparkline.merge(part) / top) if part and top else " " for part in parts)


def _bar(share: float) -> str:
    return BARS[round(share * (len(BARS) - 1))]
