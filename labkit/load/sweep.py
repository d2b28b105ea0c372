"""Count the most concurrent spans while they arrive."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate


class Sweep:
    """The most spans (start, end) that were open at any moment; an end at the same moment as a start comes first.

    Finds the same as `most_at_once` in `labkit.analysis.statistics`, but keeps only the spans that later ones may
    overlap. Moments are whole nanoseconds on any clock.
    """

    def __init__(self) -> None:
        self._edges: list[int] = []
        self._safe_ns: int | None = None
        self._now = 0
        self._most = 0

    @property
    def most(self) -> int:
        """The most until the last moment of `advance`; after `finish`, the most of all."""
        return self._most

    def add(self, start_ns: int, end_ns: int | None) -> None:
        """Add a span; `end_ns` is None for one that never ended."""
        self.extend((start_ns,), () if end_ns is None else (end_ns,))

    def extend(self, starts_ns: Iterable[int], ends_ns: Iterable[int]) -> None:
        """Add many spans at once, which is faster; starts and ends need not be in the same order."""
        # Ends are even and starts odd, so that sorting puts an end before a start at the same moment.
        self._edges += [2 * start_ns + 1 for start_ns in starts_ns]
        self._edges += [2 * end_ns for end_ns in ends_ns]

    def advance(self, safe_ns: int) -> None:
        """Settle everything before `safe_ns`, because no later span starts or ends before it.

        A span that does so nevertheless counts from its arrival on; settled moments do not change.
        """
        if self._safe_ns is not None and safe_ns <= self._safe_ns:
            return
        self._safe_ns = safe_ns
        self._edges.sort()
        settled = bisect_left(self._edges, 2 * safe_ns)
        self._fold(self._edges[:settled])
        del self._edges[:settled]

    def finish(self) -> None:
        """Settle the rest: no more spans follow."""
        self._edges.sort()
        self._fold(self._edges)
        self._edges = []

    def _fold(self, edges: list[int]) -> None:
        levels = list(accumulate((1 if edge & 1 else -1 for edge in edges), initial=self._now))
        self._now = levels[-1]
        self._most = max(self._most, *levels)
