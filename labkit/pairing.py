"""Which row of the server's log belongs to which request of a script, whose paths need not tell requests apart.

The lab's own approaches name every request in its path. A script may ask for the same path again and again: then the
order of the answers decides. Pure functions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from clients.harness import protocol
from labkit.runtime.server import LoggedRequest


def numbered(
    messages: Sequence[protocol.Message], logged: Sequence[LoggedRequest]
) -> tuple[tuple[protocol.Message, ...], tuple[LoggedRequest, ...]]:
    """Both sides with new ids: requests from 1 in the order of their start, log rows the id of their request.

    Of requests with the same path that were under way together, the one that was answered first belongs to the row
    that ended first. Rows for which no request is left keep an id of their own, above all others.
    """
    begins = sorted((each for each in messages if isinstance(each, protocol.Begin)), key=lambda each: each.start_ns)
    number = {each.key: position for position, each in enumerate(begins, 1)}
    found = _paired(begins, {each.key: each for each in messages if isinstance(each, protocol.Request)}, logged)
    rows = []
    for position, row in enumerate(logged):
        key = found.get(position)
        rows.append(replace(row, id=number[key] if key is not None else len(begins) + 1 + position))
    renamed = tuple(
        each._replace(id=number[each.key]) if isinstance(each, protocol.Begin | protocol.Request) else each
        for each in messages
    )
    return renamed, tuple(rows)


def _paired(
    begins: Sequence[protocol.Begin], ends: dict[str, protocol.Request], logged: Sequence[LoggedRequest]
) -> dict[int, str]:
    """Position of a log row -> key of its request."""
    waiting: dict[int | str, list[protocol.Begin]] = defaultdict(list)
    for begin in sorted(begins, key=lambda begin: _answered_ns(ends.get(begin.key))):
        waiting[_name(begin.id)].append(begin)
    found = {}
    for position, row in sorted(enumerate(logged), key=lambda each: each[1].end_ns):
        for begin in waiting[_name(row.id)]:
            if begin.start_ns <= row.start_ns and row.end_ns <= _answered_ns(ends.get(begin.key)):
                found[position] = begin.key
                waiting[_name(row.id)].remove(begin)
                break
    return found


def _answered_ns(end: protocol.Request | None) -> float:
    if end is None:
        return float("inf")
    return end.end_ns if end.first_byte_ns is None else end.first_byte_ns


def _name(request_id: int | str) -> int | str:
    return request_id or "-"  # as the server calls a path without a name
