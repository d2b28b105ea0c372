"""Collect the latencies of any number of requests: exactly while they are few, then as a sketch of bounded error."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from math import ceil, exp, inf, log

from ddsketch import DDSketch

from labkit.analysis.statistics import percentile
from labkit.model.load import Percentiles

EXACT_UP_TO = 100_000
# Error of a percentile from the sketch, relative to the percentile: 1 ms per second.
RELATIVE_ERROR = 0.001

# Bin k of a DDSketch holds (γ^(k-1), γ^k], γ = (1 + error) / (1 - error): the number of bins per factor of e.
_BINS_PER_E = 1 / log((1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR))


class Latencies:
    """Collects latencies in seconds. One below 0 counts as 0: two processes may read their clocks in another order.

    Up to `EXACT_UP_TO` values are kept, 8 bytes each. All values also go into a DDSketch (Masson, Rim & Lee 2019,
    VLDB 12/12), whose size depends on their range, not on their number.
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
    def precision(self) -> str:
        """The precision of `percentiles`."""
        return "exact" if self._values is not None else f"ddsketch, relative error {RELATIVE_ERROR:g}"

    def add(self, value: float) -> None:
        self.extend((value,))

    def extend(self, values: Sequence[float]) -> None:
        """Add many at once, which is faster."""
        if not values:
            return
        if (least := min(values)) < 0:
            values, least = [max(0.0, value) for value in values], 0.0
        self._min, self._max = min(self._min, least), max(self._max, *values)
        self._sum += sum(values)
        self._count += len(values)
        # The sketch's own bins, counted first: one call per bin is much faster than one per value.
        bins = Counter([ceil(log(value) * _BINS_PER_E) for value in values if value > 0])
        for number, count in bins.items():
            self._sketch.add(exp((number - 0.5) / _BINS_PER_E), count)
        if zeros := len(values) - bins.total():
            self._sketch.add(0.0, zeros)
        if self._count > EXACT_UP_TO:
            self._values = None
        elif self._values is not None:
            self._values.extend(values)

    def estimate(self, percent: float) -> float | None:
        """A percentile from the sketch, computed in about a millisecond; None before the first value.

        DDSketch computes ranks as quantile × (count - 1), rounded down. Half a rank is added to the nearest one, so
        that it finds the same value as `percentile` in `labkit.analysis.statistics`, within `RELATIVE_ERROR`.
        """
        if not self._count:
            return None
        rank = max(0, ceil(self._count * percent / 100) - 1)
        found = self._sketch.get_quantile_value(min(1.0, (rank + 0.5) / max(1, self._count - 1)))
        return None if found is None else min(max(found, self._min), self._max)

    def percentiles(self) -> Percentiles | None:
        """Nearest-rank percentiles of all values; None without values. Minimum, maximum and mean are always exact."""
        if not self._count:
            return None
        p50, p90, p99 = (self._percentile(percent) for percent in (50, 90, 99))
        return Percentiles(self._min, self._sum / self._count, p50, p90, p99, self._max)

    def _percentile(self, percent: float) -> float:
        if self._values is not None:
            return percentile(self._values, percent)
        found = self.estimate(percent)
        assert found is not None
        return found
