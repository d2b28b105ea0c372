"""A queue with equal service times: M/D/c if the arrivals are Poisson."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from math import inf


def waits(arrivals: Iterable[float], service_s: float, servers: int) -> Iterator[float]:
    """The wait of each arrival in seconds, until one of `servers` begins its service of `service_s`.

    `arrivals` are times in seconds, in order. All servers are free at first, arrivals are served in order, and none
    leaves the queue. Because all services take equally long, servers become free in the order in which they began: the
    next one to be free began `servers` arrivals ago. With one server this is Lindley's recursion (D. V. Lindley, "The
    theory of queues with a single server", Mathematical Proceedings of the Cambridge Philosophical Society 48, 1952).
    """
    free = deque([-inf] * servers, servers)
    for arrival in arrivals:
        start = max(arrival, free[0])
        free.append(start + service_s)
        yield start - arrival
