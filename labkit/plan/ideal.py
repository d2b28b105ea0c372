"""The ideal: the shortest makespan that a configuration allows, independent of the client's code."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from math import ceil, inf, isfinite

from labkit.model import Load, ServerConfig
from server.behaviour import decide_action


def ideal_s(
    requests: int, delay_s: float, slots: int | None, bound: int, *, handle_s: float = 0.0, cores: int = 1
) -> float:
    """Seconds for `requests` that each occupy one of `slots` server slots for `delay_s`, at most `bound` in flight.

    `slots` is None for a server without a bound. With m = min(c, s, n) places these are ceil(n ÷ m) rounds of one delay
    each. If each body costs `handle_s` of processor time on `cores` cores, then for each round j the n − (j − 1)·m
    bodies that cannot arrive before j·d remain to be handled: the ideal is the maximum over j of
    j·d + max(p, (n − (j − 1)·m)·p ÷ k). It is a lower bound, and exact for one core, where it is the makespan of a
    single-machine schedule with release dates: P. Brucker, "Scheduling Algorithms" (5th edition, 2007), chapter 4.

    Raises ValueError for a count below 1 or a negative time.
    """
    at_once = _at_once(requests, slots, bound)
    if at_once < 1 or cores < 1 or delay_s < 0 or handle_s < 0:
        raise ValueError(f"no ideal for {requests} requests, {bound} at most in flight, {slots} slots, {delay_s} s")
    return max(
        number * delay_s + max(handle_s, (requests - (number - 1) * at_once) * handle_s / cores)
        for number in range(1, ceil(requests / at_once) + 1)
    )


def ideal_under_s(server: ServerConfig, load: Load, bound: int) -> float:
    """A lower bound, in seconds, of the best client's makespan under the server's behaviour; not always attainable.

    The best client has at most `bound` requests in flight, retries at once where a retry can succeed, waits for an
    answer that never comes only once, for the load's timeout, and never exceeds the rate. Workers restart at the
    earliest possible moment.
    """
    behaviour = server.behaviour
    chains = [attempts_s(server, load, number) for number in range(1, load.requests + 1)]
    attempts = [seconds for chain in chains for seconds in chain]
    least = max(shortest_s(attempts, _at_once(load.requests, server.slots, bound)), *map(sum, chains))
    if 1 <= behaviour.restart_at <= load.requests:
        least += behaviour.away_s
    if behaviour.rate:
        least = max(least, (len(attempts) - behaviour.burst) / behaviour.rate + min(attempts))
    return least


def attempts_s(server: ServerConfig, load: Load, request_id: int) -> tuple[float, ...]:
    """The duration of each attempt at a request, up to the first that is answered or that no retry can improve."""
    found = []
    patience_s = inf if load.timeout_s is None else load.timeout_s
    for attempt in count(1):  # a behaviour limits the failures in a row
        met = decide_action(server.behaviour, server.delay_s, request_id, attempt)
        found.append(min(met.seconds, patience_s))
        if met.kind in {"answer", "drip", "hang"}:
            break
    return tuple(seconds if isfinite(seconds) else 0.0 for seconds in found)


def shortest_s(jobs: Sequence[float], machines: int) -> float:
    """A lower bound of the makespan of `jobs`, in seconds, on `machines` that each do one job at a time.

    The largest of: the longest job; all work shared evenly; and, for each k, the k + 1 shortest of the k·m + 1 longest
    jobs, because some machine does k + 1 of those. For jobs of equal length that is ceil(n ÷ m) of them.
    P. Brucker, "Scheduling Algorithms" (5th edition, 2007), section 5.1.
    """
    longest_first = sorted(jobs, reverse=True)
    together = [sum(longest_first[k * machines - k : k * machines + 1]) for k in range((len(jobs) - 1) // machines + 1)]
    return max(sum(jobs) / machines, *together)


def _at_once(requests: int, slots: int | None, bound: int) -> int:
    return min(requests, bound, requests if slots is None else slots)
