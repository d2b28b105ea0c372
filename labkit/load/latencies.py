"""Latencies of any number of requests: all of them while they are few, a sketch of bounded error from there on."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from math import ceil, exp, inf, log

from ddsketch import DDSketch

from labkit.analysis.statistics import percentile
from labkit.model.load import Percentiles

EXACT_UP_TO = 100_000
# What a percentile from the sketch may be off by, of its own size: 1 ms in a second.
RELATIVE_ERROR = 0.001

# Bin k of a DDSketch holds (γ^(k-1), γ^k], γ = (1 + error) / (1 - error): so many bins to each factor of e.
_BINS_PER_E = 1 / log((1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR))


class Latencies:
    """Collects latencies in seconds. One below 0 counts as 0: two processes may read their clocks out of step.

    Up to `EXACT_UP_TO` values are kept, 8 bytes each. All of them also go into a DDSketch (Masson, Rim & Lee 2019,
    VLDB 12/12), whose size follows from how far apart the values are, not from how many there are.
    """

    def __init__(self) -> None:
        self._sketch = DDSketch(RELATIVE_ERROR)
        self._values: array[float] | None = array("d")
        self._count = 0
        self._sum = 0.0
        self._min, self._max = inf, 0.0

    def __len__(self) -> int:
        return self._count

    @property
    def how(self) -> str:
        """How exact `percentiles` are."""
        return "exact" if self._values is not None else f"ddsketch, relative error {RELATIVE_ERROR:g}"

    def add(self, value: float) -> None:
        self.extend((value,))

    def extend(self, values: Sequence[float]) -> None:
        """Add many at once, which takes less time for each."""
        if not values:
            return
        if (least := min(values)) < 0:
            values, least = [max(0.0, value) for value in values], 0.0
        self._min, self._max = min(self._min, least), max(self._max, *values)
        self._sum += sum(values)
        self._count += len(values)
        # The sketch's own bins, counted here first: one call for each bin takes far less time than one for each value.
        bins = Counter([ceil(log(value) * _BINS_PER_E) for value in values if value > 0])
        for number, count in bins.items():
            self._sketch.add(exp((number - 0.5) / _BINS_PER_E), count)
        if zeros := len(values) - bins.total():
            self._sketch.add(0.0, zeros)
        if self._count > EXACT_UP_TO:
            self._values = None
        elif self._values is not None:
            self._values.extend(values)

    def live(self, percent: float) -> float | None:
        """A percentile from the sketch, in about a millisecond; None before the first value.

        DDSketch counts ranks as quantile × (count - 1), rounded down. It is asked for half a rank past the nearest
        one, so that what it looks up is the very value that `percentile` in `labkit.analysis.statistics` would name,
        and what comes back is within `RELATIVE_ERROR` of it.
        """
        if not self._count:
            return None
        rank = max(0, ceil(self._count * percent / 100) - 1)
        found = self._sketch.get_quantile_value(min(1.0, (rank + 0.5) / max(1, self._count - 1)))
        return None if found is None else min(max(found, self._min), self._max)

    def percentiles(self) -> Percentiles | None:
        """Of all values, nearest-rank; None where there are none. The least, the most and the mean are always exact."""
        if not self._count:
            return None
        p50, p90, p99 = (self._percentile(percent) for percent in (50, 90, 99))
        return Percentiles(self._min, self._sum / self._count, p50, p90, p99, self._max)

    def _percentile(self, percent: float) -> float:
        if self._values is not None:
            return percentile(self._values, percent)
        found = self.live(percent)
        assert found is not None
        return found
