"""The ideal: the shortest makespan that a configuration allows, whatever the code."""

from __future__ import annotations

from math import ceil


def ideal_s(
    requests: int, delay_s: float, slots: int | None, bound: int, *, handle_s: float = 0.0, cores: int = 1
) -> float:
    """Seconds for `requests` that each occupy one of `slots` server slots for `delay_s`, `bound` in flight at most.

    That is ceil(n / min(c, s, n)) rounds of one delay each. `slots` is None where the server sets no bound. Where each
    body costs `handle_s` of processor time on `cores` cores, the last one is handled after the last round, and all of
    them take n × p ÷ k: the longer of the two. Raises ValueError for a count below 1 or a negative time.
    """
    at_once = min(requests, bound, requests if slots is None else slots)
    if at_once < 1 or cores < 1 or delay_s < 0 or handle_s < 0:
        raise ValueError(f"no ideal for {requests} requests, {bound} at most in flight, {slots} slots, {delay_s} s")
    return max(ceil(requests / at_once) * delay_s + handle_s, requests * handle_s / cores)
