"""Bars and strips of them, and how what is too much to be drawn one by one is shared out among columns of pixels."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import TypeVar

from labkit.reports.timeline.canvas import Colour

K = TypeVar("K", bound=Hashable)

# Below this share of a column nothing is drawn.
LEAST_SHARE = 1e-6


@dataclass(frozen=True, slots=True)
class Bar:
    """A box from `start_s` to `end_s`, which takes its strip's height from the share `low` to `high`, 0 at the top."""

    start_s: float
    end_s: float
    colour: Colour
    low: float = 0.0
    high: float = 1.0
    text: str = ""


@dataclass(frozen=True, slots=True)
class Strip:
    """What belongs together: a lane, a worker, or all of them; `height` in pixels."""

    label: str
    height: int
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Time:
    """The axis, from the start signal to `end_s`, in as many columns as it has pixels."""

    end_s: float
    columns: int

    @property
    def step_s(self) -> float:
        return self.end_s / self.columns


def stacked(
    spans: Iterable[tuple[Colour, float, float]], order: Sequence[Colour], time: Time, whole: int
) -> tuple[Bar, ...]:
    """Spans of a colour as a stack per column, the first colour at the bottom; `whole` of them fill the height."""
    columns = shares(spans, time)
    bars = []
    for stack, group in groupby(
        range(time.columns), key=lambda number: tuple(columns[number].get(c, 0) for c in order)
    ):
        numbers = list(group)
        start_s, end_s = numbers[0] * time.step_s, (numbers[-1] + 1) * time.step_s
        low = 1.0
        for colour, value in zip(order, stack, strict=True):
            high, low = low, low - value / whole
            if value > LEAST_SHARE:
                bars.append(Bar(start_s, end_s, colour, max(low, 0.0), high))
    return tuple(bars)


def shares(spans: Iterable[tuple[K, float, float]], time: Time) -> list[dict[K, float]]:
    """How many spans of each key there are in each column on average: their time within it by the column's own.

    Takes a step per span and per column, however long the spans are.
    """
    edges: dict[K, list[float]] = {}
    steps: dict[K, list[int]] = {}
    for key, start_s, end_s in spans:
        partly = edges.setdefault(key, [0.0] * time.columns)
        change = steps.setdefault(key, [0] * (time.columns + 1))
        start, end = (min(max(t_s / time.step_s, 0.0), float(time.columns)) for t_s in (start_s, end_s))
        first, last = min(int(start), time.columns - 1), min(int(end), time.columns - 1)
        if first == last:
            partly[first] += end - start
        else:
            partly[first] += first + 1 - start
            partly[last] += end - last
            change[first + 1] += 1
            change[last] -= 1
    columns: list[dict[K, float]] = [{} for _ in range(time.columns)]
    for key, partly in edges.items():
        for column, edge, whole in zip(columns, partly, accumulate(steps[key]), strict=False):
            if edge + whole > 0:
                column[key] = edge + whole
    return columns
