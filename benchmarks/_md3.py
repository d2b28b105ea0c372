"""A queue before servers that all take the same time for each: M/D/c where arrivals are Poisson's."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from math import inf


def waits(arrivals: Iterable[float], service_s: float, servers: int) -> Iterator[float]:
    """How long each of `arrivals` waits, in seconds, until one of `servers` begins its `service_s`.

    `arrivals` are moments in seconds, in order. All servers are free at first, whoever comes first is served first,
    and nobody leaves. As all take equally long, servers become free in the order in which they began: the next to be
    free is the one that began `servers` arrivals ago. With one server this is Lindley's recursion (D. V. Lindley, "The
    theory of queues with a single server", Mathematical Proceedings of the Cambridge Philosophical Society 48, 1952).
    """
    free = deque([-inf] * servers, servers)
    for arrival in arrivals:
        start = max(arrival, free[0])
        free.append(start + service_s)
        yield start - arrival
