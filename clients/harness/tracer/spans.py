"""From what a sampler saw of a thread, tick by tick, to the spans of its lane: pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

CORE = "core"


class Tick(NamedTuple):
    """At `t_ns` the thread was in `state`; since the tick before it had waited for a core, `waited_ns` in all."""

    t_ns: int
    state: str
    waited_ns: int = 0


class Span(NamedTuple):
    """The thread was in `state` from `start_ns` to `end_ns`."""

    state: str
    start_ns: int
    end_ns: int


def keep(ticks: list[Tick], tick: Tick) -> None:
    """Append `tick`; the one before it goes where it says nothing more, so that equal ticks take no memory."""
    if len(ticks) > 1 and ticks[-2].state == ticks[-1].state == tick.state and not ticks[-1].waited_ns:
        ticks[-1] = tick
    else:
        ticks.append(tick)


def spans(ticks: list[Tick]) -> list[Span]:
    """The spans from the first of `ticks` to the last, without a hole between them.

    A state counts as having changed midway between two ticks. The kernel tells of a wait for a core once it is over:
    it is taken to have ended at the tick that tells of it, and stands in place of whatever seemed to be the state.
    """
    waits = [(tick.t_ns - tick.waited_ns, tick.t_ns) for tick in ticks if tick.waited_ns]
    return _joined(_cut(_held(ticks), waits))


def _held(ticks: list[Tick]) -> Iterator[Span]:
    for before, after in pairwise(ticks):
        middle_ns = (before.t_ns + after.t_ns) // 2
        yield Span(before.state, before.t_ns, middle_ns)
        yield Span(after.state, middle_ns, after.t_ns)


def _cut(whole: Iterable[Span], waits: list[tuple[int, int]]) -> Iterator[Span]:
    """The spans with each of `waits` (start, end) in their place; waits that overlap, or begin before all, count once.

    Both are in the order of their ends.
    """
    waits.reverse()
    for state, start_ns, end_ns in whole:
        at_ns = start_ns
        while waits and waits[-1][0] < end_ns:
            wait_ends_ns = waits[-1][1]
            begins_ns = max(waits[-1][0], at_ns)
            yield Span(state, at_ns, begins_ns)
            at_ns = max(at_ns, min(wait_ends_ns, end_ns))
            yield Span(CORE, begins_ns, at_ns)
            if wait_ends_ns > end_ns:
                break
            waits.pop()
        yield Span(state, at_ns, end_ns)


def _joined(parts: Iterable[Span]) -> list[Span]:
    """Neighbours of one state as one span; those that last no time are left out."""
    found: list[Span] = []
    for part in parts:
        if part.start_ns >= part.end_ns:
            continue
        if found and found[-1].state == part.state:
            found[-1] = found[-1]._replace(end_ns=part.end_ns)
        else:
            found.append(part)
    return found
