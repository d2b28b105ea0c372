"""The ideal: the shortest makespan that a configuration allows, whatever the code."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from math import ceil, inf, isfinite

from labkit.model import Load, ServerConfig
from server.behaviour import decide_action


def ideal_s(
    requests: int, delay_s: float, slots: int | None, bound: int, *, handle_s: float = 0.0, cores: int = 1
) -> float:
    """Seconds for `requests` that each occupy one of `slots` server slots for `delay_s`, `bound` in flight at most.

    That is ceil(n / min(c, s, n)) rounds of one delay each. `slots` is None where the server sets no bound. Where each
    body costs `handle_s` of processor time on `cores` cores, the last one is handled after the last round, and all of
    them take n × p ÷ k: the longer of the two. Raises ValueError for a count below 1 or a negative time.
    """
    at_once = _at_once(requests, slots, bound)
    if at_once < 1 or cores < 1 or delay_s < 0 or handle_s < 0:
        raise ValueError(f"no ideal for {requests} requests, {bound} at most in flight, {slots} slots, {delay_s} s")
    return max(ceil(requests / at_once) * delay_s + handle_s, requests * handle_s / cores)


def ideal_under_s(server: ServerConfig, load: Load, bound: int) -> float:
    """Seconds that the best client needs with the server's behaviour: a lower bound, and not always one to be reached.

    It has at most `bound` requests in flight, asks again at once where asking again helps, waits once, for the load's
    timeout, for an answer that never comes, and never asks sooner than the rate allows; all workers are back the moment
    that they may be.
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
    """How long each attempt at a request takes, up to the first that is answered or that no other would better."""
    found = []
    patience_s = inf if load.timeout_s is None else load.timeout_s
    for attempt in count(1):  # a behaviour fails only so often
        met = decide_action(server.behaviour, server.delay_s, request_id, attempt)
        found.append(min(met.seconds, patience_s))
        if met.kind in {"answer", "drip", "hang"}:
            break
    return tuple(seconds if isfinite(seconds) else 0.0 for seconds in found)


def shortest_s(jobs: Sequence[float], machines: int) -> float:
    """A lower bound for `jobs` of so many seconds each, on `machines` that each do one at a time.

    The longest job; all work shared evenly; and of the k·m + 1 longest jobs some machine does k + 1, which takes no
    less than the k + 1 shortest of them. For jobs of one length that is ceil(n ÷ m) of them.
    P. Brucker, "Scheduling Algorithms" (5th edition, 2007), section 5.1.
    """
    longest_first = sorted(jobs, reverse=True)
    together = [sum(longest_first[k * machines - k : k * machines + 1]) for k in range((len(jobs) - 1) // machines + 1)]
    return max(sum(jobs) / machines, *together)


def _at_once(requests: int, slots: int | None, bound: int) -> int:
    return min(requests, bound, requests if slots is None else slots)
