"""What a body goes through where an approach that takes ``handle`` does its work.

Functions of a module, so that they can be pickled for another process or interpreter.
"""

from __future__ import annotations

from functools import partial
from time import thread_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")

STEPS = 500  # pure Python between two looks at the clock: some 10 µs


def handler(cost_ms: float) -> Callable[[T], T]:
    """A handler that costs its thread `cost_ms` milliseconds of processor time a body."""
    return partial(spend, cost_ms / 1000) if cost_ms > 0 else keep


def keep(body: T) -> T:
    """The body as it is."""
    return body


def spend(seconds: float, body: T) -> T:
    """The body as it is, after so much pure-Python work: what a thread waits for meanwhile does not count."""
    end = thread_time() + seconds
    while thread_time() < end:
        for _ in range(STEPS):
            pass
    return body
