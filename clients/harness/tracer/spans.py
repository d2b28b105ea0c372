"""Converts the samples of a thread to the spans of its lane: pure functions."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

CORE = "core"
RUNNING = "running"


class Tick(NamedTuple):
    """A sample at `t_ns`: the state, and the time that the thread waited for a core since the previous tick."""

    t_ns: int
    state: str
    waited_ns: int = 0


class Span(NamedTuple):
    """The thread was in `state` from `start_ns` to `end_ns`."""

    state: str
    start_ns: int
    end_ns: int


def append_tick(ticks: list[Tick], tick: Tick) -> None:
    """Append `tick`, and drop the previous one if it is redundant, so that a long state takes little memory."""
    no_wait = not ticks or not (ticks[-1].waited_ns or tick.waited_ns)
    if len(ticks) > 1 and no_wait and ticks[-2].state == ticks[-1].state == tick.state:
        ticks[-1] = tick
    else:
        ticks.append(tick)


def to_spans(ticks: list[Tick]) -> list[Span]:
    """Return contiguous spans from the first of `ticks` to the last.

    A state changes midway between two ticks. The kernel reports a wait for a core after its end, so the wait ended
    after the previous tick. A thread that waits for a core looks as if it is running, so the wait replaces the latest
    running spans first, then the latest other spans.
    """
    result: list[Span] = []
    for before, after in pairwise(ticks):
        middle_ns = (before.t_ns + after.t_ns) // 2
        result.append(Span(before.state, before.t_ns, middle_ns))
        result.append(Span(after.state, middle_ns, after.t_ns))
        if after.waited_ns:
            _insert_wait(result, before.t_ns - after.waited_ns, after.waited_ns)
    return _merge(result)


def _insert_wait(spans: list[Span], since_ns: int, waited_ns: int) -> None:
    """Replace `waited_ns` of the spans after `since_ns` with a wait for a core."""
    last: list[Span] = []
    while spans and spans[-1].end_ns > since_ns:
        last.insert(0, spans.pop())
    for states in ({RUNNING}, {span.state for span in last} - {RUNNING, CORE}):
        parts: list[Span] = []
        for state, start_ns, end_ns in reversed(last):
            wait_ns = min(waited_ns, end_ns - max(start_ns, since_ns)) if state in states else 0
            waited_ns -= wait_ns
            parts += Span(CORE, end_ns - wait_ns, end_ns), Span(state, start_ns, end_ns - wait_ns)
        last = parts[::-1]
    spans += last


def _merge(spans: Iterable[Span]) -> list[Span]:
    """Merge adjacent spans of one state, and drop empty ones."""
    merged: list[Span] = []
    for span in spans:
        if span.start_ns >= span.end_ns:
            continue
        if merged and merged[-1].state == span.state:
            merged[-1] = merged[-1]._replace(end_ns=span.end_ns)
        else:
            merged.append(span)
    return merged
