"""Rank tests: the difference between two independent samples of a few values, whose distribution is unknown.

All functions rest on the Mann-Whitney count: the number of pairs (one value of each sample) in which the second value
is larger. If both samples come from one distribution, that count has a known distribution, so an interval and a p-value
hold for three values as for three hundred (Hollander, Wolfe & Chicken, Nonparametric Statistical Methods, 4.1 to 4.3).
The price: a few values cannot show a small p-value, and `smallest_sample` returns the number that can.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from math import comb, sqrt
from statistics import NormalDist, median

# Up to this size the count's distribution is exact; beyond, the normal approximation is as good and much quicker.
EXACT_UP_TO = 40
ALPHA = 0.05
LONGEST_SEARCH = 1000


@dataclass(frozen=True, slots=True)
class Shift:
    """The shift of the second sample above the first. `ci95` is None if there are too few values for an interval."""

    estimate: float
    ci95: tuple[float, float] | None


def shift(first: Sequence[float], second: Sequence[float]) -> Shift:
    """Return the Hodges-Lehmann estimate: the median of all differences second - first, and its 95 % interval.

    The interval ends at two of these differences, by the exact distribution of the Mann-Whitney count (Hollander, Wolfe
    & Chicken, 4.3); it covers the true shift in at least 95 of 100 cases if the samples differ by a shift. Equal values
    make it wider, never too narrow. Raises ValueError for an empty sample.
    """
    if not first or not second:
        raise ValueError("a shift needs two samples with values")
    differences = sorted(right - left for left in first for right in second)
    below = _lower_rank(len(first), len(second))
    interval = (differences[below - 1], differences[len(differences) - below]) if below else None
    return Shift(median(differences), interval)


def p_beyond(first: Sequence[float], second: Sequence[float], margin: float = 0.0) -> float:
    """Return the two-sided p-value of the hypothesis that the shift is at most `margin` in either direction.

    Twice the smaller of the one-sided Mann-Whitney p-values at the two edges of the margin, as for any interval
    hypothesis (Wellek, Testing Statistical Hypotheses of Equivalence and Noninferiority, 1.2 on relevant differences).
    It is at most `ALPHA` exactly if the whole interval of `shift` lies beyond the margin. Ties make it larger.
    """
    differences = [right - left for left in first for right in second]
    above = sum(difference > margin for difference in differences)
    below = sum(difference < -margin for difference in differences)
    return min(1.0, 2 * _tail(len(first), len(second), max(above, below)))


def least_p(first: int, second: int) -> float:
    """Return the smallest p-value for samples of these sizes: all values of one are above all of the other."""
    return 1.0 if not first or not second else min(1.0, 2 * _tail(first, second, first * second))


def smallest_sample(comparisons: int, alpha: float = ALPHA) -> int:
    """Return the sample size from which a difference can be significant in so many simultaneous comparisons."""
    sizes = range(2, LONGEST_SEARCH)
    return next((size for size in sizes if 2 * comparisons <= alpha * comb(2 * size, size)), LONGEST_SEARCH)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for multiple comparisons, in their order (Holm 1979, Scand. J. Statist. 6, 65-70).

    If those of at most alpha count as differences, the chance of any false one among them is at most alpha.
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    scaled = (min(1.0, (len(order) - rank) * p_values[place]) for rank, place in enumerate(order))
    adjusted = dict(zip(order, accumulate(scaled, max), strict=True))
    return [adjusted[place] for place in range(len(p_values))]


def _lower_rank(first: int, second: int) -> int:
    """Return the rank, from 1, of the interval's lower end among the ordered differences; 0 without an interval."""
    pairs = first * second
    # The count is as likely to be at most `place` as at least `pairs - place`.
    return bisect_right(range(pairs // 2 + 1), ALPHA, key=lambda place: 2 * _tail(first, second, pairs - place))


def _tail(first: int, second: int, count: int) -> float:
    """Return the chance of a Mann-Whitney count of at least `count` if both samples come from one distribution."""
    if max(first, second) <= EXACT_UP_TO:
        ways = _ways(min(first, second), max(first, second))
        return sum(ways[count:]) / comb(first + second, first)
    mean, spread = first * second / 2, sqrt(first * second * (first + second + 1) / 12)
    return 1 - NormalDist().cdf((count - 0.5 - mean) / spread)


@cache
def _ways(first: int, second: int) -> tuple[int, ...]:
    """Return the number of orders of all values with a count of 0, 1, 2 …: coefficients of a Gaussian binomial."""
    ways = [1] + [0] * (first * second)
    for size in range(1, first + 1):
        for place in range(len(ways) - 1, second + size - 1, -1):
            ways[place] -= ways[place - second - size]
        for place in range(size, len(ways)):
            ways[place] += ways[place - size]
    return tuple(ways)
