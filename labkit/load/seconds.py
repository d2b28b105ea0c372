"""Count a load second by second, keeping latencies only of the seconds that may still see an answer."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable

from labkit.analysis.statistics import percentile
from labkit.model.load import Second

SECOND_NS = 1_000_000_000


class OpenSecond:
    """One second while it is counted."""

    __slots__ = ("arrivals", "failed", "in_flight", "latencies", "ok", "p50_s", "p99_s", "waiting")

    def __init__(self) -> None:
        self.arrivals = self.ok = self.failed = self.in_flight = self.waiting = 0
        self.latencies: array[float] = array("d")
        self.p50_s: float | None = None
        self.p99_s: float | None = None

    def settle(self) -> None:
        """Compute the percentiles and drop the latencies. A request reported later only counts."""
        self.ok += len(self.latencies)
        if self.p50_s is None and self.latencies:
            ordered = sorted(self.latencies)
            self.p50_s, self.p99_s = max(0.0, percentile(ordered, 50)), max(0.0, percentile(ordered, 99))
        self.latencies = array("d")


class Seconds:
    """The seconds since `zero_ns`; events before it count in the first one."""

    def __init__(self, zero_ns: int) -> None:
        self._zero_ns = zero_ns
        self._seconds: list[OpenSecond] = []
        self._settled = 0
        self._levels: dict[int, tuple[int, int, int]] = {}

    def index(self, moment_ns: int) -> int:
        """The number of the second that contains a moment, from 0."""
        return max(0, (moment_ns - self._zero_ns) // SECOND_NS)

    def second(self, index: int) -> OpenSecond:
        """The second `index`, created if it is new."""
        while index >= len(self._seconds):
            self._seconds.append(OpenSecond())
        return self._seconds[index]

    def at(self, moment_ns: int) -> tuple[OpenSecond, int, int]:
        """The second that contains a moment, its begin and its end, so that the caller can reuse it."""
        index = self.index(moment_ns)
        begins_ns = self._zero_ns + index * SECOND_NS
        return self.second(index), begins_ns, begins_ns + SECOND_NS

    def add_arrivals(self, moments_ns: Iterable[int]) -> None:
        zero_ns = self._zero_ns
        for index, count in Counter([(moment_ns - zero_ns) // SECOND_NS for moment_ns in moments_ns]).items():
            self.second(max(0, index)).arrivals += count

    def set_level(self, source: int, moment_ns: int, in_flight: int, waiting: int) -> None:
        """Set the requests in flight and the waiting arrivals of a source, until its next report."""
        index = self.index(moment_ns)
        self._extend_level(source, index)
        self._levels[source] = (index, in_flight, waiting)

    def settle(self, safe_ns: int) -> None:
        """Settle the seconds before `safe_ns`, because no earlier event is still to be reported."""
        for index in range(self._settled, safe := self.index(safe_ns)):
            self.second(index).settle()
        self._settled = max(self._settled, safe)

    def finish(self) -> tuple[Second, ...]:
        """All seconds: no more reports follow."""
        for index in (index for index, _, _ in self._levels.values()):
            self.second(index)
        for source in self._levels:
            self._extend_level(source, len(self._seconds))
        for second in self._seconds:
            second.settle()
        return tuple(
            Second(t_s, each.arrivals, each.ok, each.failed, each.in_flight, each.waiting, each.p50_s, each.p99_s)
            for t_s, each in enumerate(self._seconds)
        )

    def _extend_level(self, source: int, index: int) -> None:
        """Apply a source's level to the seconds before `index`."""
        since, in_flight, waiting = self._levels.get(source, (index, 0, 0))
        for past in range(since, index):
            second = self.second(past)
            second.in_flight += in_flight
            second.waiting += waiting
