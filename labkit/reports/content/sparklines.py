"""Figures over time as a strip of bars, one character each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from labkit.model.load import Second

BARS = "▁▂▃▄▅▆▇█"
# Past this a strip tells no more, however wide the page is.
LONGEST_STRIP = 100
# Below this it tells nothing.
SHORTEST_STRIP = 8


@dataclass(frozen=True, slots=True)
class Strip:
    """A value for each second of a load (None: there was none), and what its highest bar stands for.

    `merged` makes one value of several, where a bar has to stand for more than a second.
    """

    title: str
    values: tuple[float | None, ...]
    highest: str
    merged: Callable[[list[float]], float]


def strips(seconds: Sequence[Second]) -> tuple[Strip, ...]:
    """Answered requests and the p99 of each second; none for a load too short to have a course."""
    answered = [float(second.ok) for second in seconds]
    p99s = [second.p99_s for second in seconds if second.p99_s is not None]
    if len(seconds) < 2 or not any(answered) or not p99s:
        return ()
    return (
        Strip("answered", tuple(answered), f"up to {max(answered):.0f} a second", fmean),
        Strip("p99", tuple(second.p99_s for second in seconds), f"up to {max(p99s):.2f} s", max),
    )


def drawn_strip(strip: Strip, most: int) -> str:
    """`strip` in at most `most` characters."""
    values, length = strip.values, min(most, len(strip.values))
    edges = [number * len(values) // length for number in range(length + 1)]
    top = max((value for value in values if value is not None), default=0.0)
    parts = [[value for value in values[start:end] if value is not None] for start, end in pairwise(edges)]
    return "".join(_bar(strip.merged(part) / top) if part and top else " " for part in parts)


def _bar(share: float) -> str:
    """The lowest bar is nought."""
    return BARS[round(share * (len(BARS) - 1))]
