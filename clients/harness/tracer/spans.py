"""From what a sampler saw of a thread, tick by tick, to the spans of its lane: pure functions."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

CORE = "core"
RUNNING = "running"


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
    no_wait = not ticks or not (ticks[-1].waited_ns or tick.waited_ns)
    if len(ticks) > 1 and no_wait and ticks[-2].state == ticks[-1].state == tick.state:
        ticks[-1] = tick
    else:
        ticks.append(tick)


def spans(ticks: list[Tick]) -> list[Span]:
    """The spans from the first of `ticks` to the last, without a hole between them.

    A state counts as having changed midway between two ticks. The kernel tells of a wait for a core once it is over, so
    it ended after the tick before. Who waits for a core looks as if running: that is taken for the wait first, then
    whatever else there was, the latest first.
    """
    found: list[Span] = []
    for before, after in pairwise(ticks):
        middle_ns = (before.t_ns + after.t_ns) // 2
        found.append(Span(before.state, before.t_ns, middle_ns))
        found.append(Span(after.state, middle_ns, after.t_ns))
        if after.waited_ns:
            _wait(found, before.t_ns - after.waited_ns, after.waited_ns)
    return _joined(found)


def _wait(found: list[Span], since_ns: int, waited_ns: int) -> None:
    """Put so long a wait for a core into the last spans, those after `since_ns`."""
    last: list[Span] = []
    while found and found[-1].end_ns > since_ns:
        last.insert(0, found.pop())
    for states in ({RUNNING}, {span.state for span in last} - {RUNNING, CORE}):
        parts: list[Span] = []
        for state, start_ns, end_ns in reversed(last):
            wait_ns = min(waited_ns, end_ns - max(start_ns, since_ns)) if state in states else 0
            waited_ns -= wait_ns
            parts += Span(CORE, end_ns - wait_ns, end_ns), Span(state, start_ns, end_ns - wait_ns)
        last = parts[::-1]
    found += last


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
