"""Handlers for response bodies, passed to approaches whose ``main`` takes ``handle``.

They are module functions, so that they can be pickled for another process or interpreter.
"""

from __future__ import annotations

from functools import partial
from time import thread_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")

STEPS = 500  # loop iterations between two readings of the clock: about 10 µs


def make_handler(cost_s: float) -> Callable[[T], T]:
    """Return a handler that costs its thread `cost_s` seconds of CPU time per body."""
    return partial(use_cpu, cost_s) if cost_s > 0 else do_nothing


def do_nothing(body: T) -> T:
    """Return the body."""
    return body


def use_cpu(seconds: float, body: T) -> T:
    """Return the body after `seconds` of CPU time in pure Python; the time that the thread waits does not count."""
    end = thread_time() + seconds
    while thread_time() < end:
        for _ in range(STEPS):
            pass
    return body
