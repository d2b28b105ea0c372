"""Statistics of measured values: pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import ceil, comb, sqrt
from statistics import median, stdev

# Student's t, 0.975 quantile, for 1 to 4 degrees of freedom (any table; e.g. NIST/SEMATECH e-Handbook, 1.3.6.7.2).
_STUDENT_T = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776}
# Standard error of the median of normal values ÷ that of their mean, in the limit: sqrt(pi / 2).
_MEDIAN_TO_MEAN = 1.2533


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the nearest-rank percentile, one of `values` (Hyndman & Fan 1996, type 1). Raises ValueError if empty."""
    if not values:
        raise ValueError("a percentile needs at least one value")
    return sorted(values)[max(0, ceil(len(values) * percent / 100) - 1)]


def median_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Return a 95 % confidence interval of the median, or None for fewer than two values.

    From six values on its ends are two of the values, by the binomial distribution of the number below the median; this
    assumes nothing about the values' distribution (Conover, Practical Nonparametric Statistics, 3.2). For fewer values
    no such interval exists: there it is Student's t about the median, which assumes roughly normal values.
    """
    n = len(values)
    if n < 2:
        return None
    ordered = sorted(values)
    if n < 6:
        half = _STUDENT_T[n - 1] * _MEDIAN_TO_MEAN * stdev(values) / sqrt(n)
        return median(values) - half, median(values) + half
    outside, below = 0.0, 0
    while (outside := outside + comb(n, below) / 2**n) <= 0.025:
        below += 1
    return ordered[below - 1], ordered[n - below]


def most_at_once(spans: Iterable[tuple[float, float]]) -> int:
    """Return the largest number of `spans` (start, end) that overlap; one that ends as another starts does not."""
    edges = sorted(edge for start, end in spans for edge in ((start, 1), (end, -1)))
    most = now = 0
    for _, step in edges:
        now += step
        most = max(most, now)
    return most


def covered_time(spans: Iterable[tuple[float, float]]) -> float:
    """Return the time within at least one of `spans` (start, end)."""
    total, reached = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def time_average(points: Sequence[tuple[float, float]], start: float, end: float) -> float | None:
    """Return the mean of a sampled value from `start` to `end`: `points` are its samples (time, value), in order.

    The value is interpolated linearly between samples; None unless the samples span the whole time.
    """
    if end <= start or len(points) < 2 or points[0][0] > start or points[-1][0] < end:
        return None
    area = 0.0
    for (t0, v0), (t1, v1) in pairwise(points):
        left, right = max(t0, start), min(t1, end)
        if right > left:
            slope = (v1 - v0) / (t1 - t0)
            area += (right - left) * (v0 + slope * ((left + right) / 2 - t0))
    return area / (end - start)
