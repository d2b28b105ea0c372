"""How many spans were open at once at most, counted while they come in."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate


class Sweep:
    """The most spans (start, end) that were open at any moment; one that ends as another starts does not overlap it.

    What `most_at_once` in `labkit.analysis.statistics` finds of all spans together, in memory for those alone that
    others may yet overlap. Moments are whole nanoseconds on any clock.
    """

    def __init__(self) -> None:
        self._edges: list[int] = []
        self._safe_ns: int | None = None
        self._now = 0
        self._most = 0

    @property
    def most(self) -> int:
        """The most so far, up to the moment that `advance` named last; of all once `finish` was called."""
        return self._most

    def add(self, start_ns: int, end_ns: int | None) -> None:
        """A span; `end_ns` is None for one that never ended."""
        self.extend((start_ns,), () if end_ns is None else (end_ns,))

    def extend(self, starts_ns: Iterable[int], ends_ns: Iterable[int]) -> None:
        """Many spans at once, which takes less time for each: it does not matter which end is whose."""
        # An end is even and a start odd, so that in order of time an end goes before a start at the same moment.
        self._edges += [2 * start_ns + 1 for start_ns in starts_ns]
        self._edges += [2 * end_ns for end_ns in ends_ns]

    def advance(self, safe_ns: int) -> None:
        """No span that is still to come starts or ends before `safe_ns`: what lies before it is settled.

        One that does come and starts earlier is counted from then on, with what was found already left as it is.
        """
        if self._safe_ns is not None and safe_ns <= self._safe_ns:
            return
        self._safe_ns = safe_ns
        self._edges.sort()
        settled = bisect_left(self._edges, 2 * safe_ns)
        self._fold(self._edges[:settled])
        del self._edges[:settled]

    def finish(self) -> None:
        """No more spans come."""
        self._edges.sort()
        self._fold(self._edges)
        self._edges = []

    def _fold(self, edges: list[int]) -> None:
        levels = list(accumulate((1 if edge & 1 else -1 for edge in edges), initial=self._now))
        self._now = levels[-1]
        self._most = max(self._most, *levels)
