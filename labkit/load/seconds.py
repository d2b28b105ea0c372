"""A load second by second, in memory for the latencies of the seconds alone that may still see an answer."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable

from labkit.analysis.statistics import percentile
from labkit.model.load import Second

SECOND_NS = 1_000_000_000


class Cell:
    """One second while it is counted."""

    __slots__ = ("arrivals", "failed", "in_flight", "latencies", "ok", "p50_s", "p99_s", "waiting")

    def __init__(self) -> None:
        self.arrivals = self.ok = self.failed = self.in_flight = self.waiting = 0
        self.latencies: array[float] = array("d")
        self.p50_s: float | None = None
        self.p99_s: float | None = None

    def settle(self) -> None:
        """Nothing more ends in it; what is told nevertheless still counts, without moving the percentiles."""
        self.ok += len(self.latencies)
        if self.p50_s is None and self.latencies:
            ordered = sorted(self.latencies)
            self.p50_s, self.p99_s = max(0.0, percentile(ordered, 50)), max(0.0, percentile(ordered, 99))
        self.latencies = array("d")


class Seconds:
    """Counts what happens in each second since `zero_ns`; what happened before it counts for the first."""

    def __init__(self, zero_ns: int) -> None:
        self._zero_ns = zero_ns
        self._cells: list[Cell] = []
        self._settled = 0
        self._levels: dict[int, tuple[int, int, int]] = {}

    def index(self, moment_ns: int) -> int:
        """Which second a moment belongs to, from 0."""
        return max(0, (moment_ns - self._zero_ns) // SECOND_NS)

    def cell(self, index: int) -> Cell:
        while index >= len(self._cells):
            self._cells.append(Cell())
        return self._cells[index]

    def at(self, moment_ns: int) -> tuple[Cell, int, int]:
        """The second that a moment belongs to, with when it begins and ends: so that not every moment need ask."""
        index = self.index(moment_ns)
        begins_ns = self._zero_ns + index * SECOND_NS
        return self.cell(index), begins_ns, begins_ns + SECOND_NS

    def arrived(self, moments_ns: Iterable[int]) -> None:
        """Requests arrived at these moments."""
        zero_ns = self._zero_ns
        for index, count in Counter([(moment_ns - zero_ns) // SECOND_NS for moment_ns in moments_ns]).items():
            self.cell(max(0, index)).arrivals += count

    def level(self, source: int, moment_ns: int, in_flight: int, waiting: int) -> None:
        """How many are in flight and waiting at a source; they stay so until the source's next word."""
        index = self.index(moment_ns)
        self._hold(source, index)
        self._levels[source] = (index, in_flight, waiting)

    def settle(self, safe_ns: int) -> None:
        """Nothing that happened before `safe_ns` is still to be told."""
        for index in range(self._settled, safe := self.index(safe_ns)):
            self.cell(index).settle()
        self._settled = max(self._settled, safe)

    def finish(self) -> tuple[Second, ...]:
        """All seconds, once everything has been told."""
        for index in (index for index, _, _ in self._levels.values()):
            self.cell(index)
        for source in self._levels:
            self._hold(source, len(self._cells))
        for cell in self._cells:
            cell.settle()
        return tuple(
            Second(t_s, cell.arrivals, cell.ok, cell.failed, cell.in_flight, cell.waiting, cell.p50_s, cell.p99_s)
            for t_s, cell in enumerate(self._cells)
        )

    def _hold(self, source: int, index: int) -> None:
        """A source's level lasts until the second `index` begins."""
        since, in_flight, waiting = self._levels.get(source, (index, 0, 0))
        for past in range(since, index):
            cell = self.cell(past)
            cell.in_flight += in_flight
            cell.waiting += waiting
