"""Which row of the server's log belongs to which attempt, where a request was tried more than once. Pure functions.

An attempt may never have reached the server, or have been given up before a worker took it up: neither the order nor
the time alone tells. An answer does: its row ended before it came, and has its status.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from clients.harness import protocol
from labkit.runtime.server import LoggedRequest

Attempt = tuple[protocol.Begin, protocol.Request | None]


def matched(
    attempts: Sequence[Attempt], logged: Sequence[LoggedRequest]
) -> tuple[dict[str, LoggedRequest], tuple[LoggedRequest, ...]]:
    """Key of an attempt -> its row, and the rows that belong to none. All are of one request, attempts in order."""
    left = sorted(logged, key=lambda row: row.start_ns)
    found: dict[str, LoggedRequest] = {}

    def give(begin: protocol.Begin, row: LoggedRequest) -> None:
        left.remove(row)
        found[begin.key] = row

    for position, (begin, end) in enumerate(attempts):
        fitting = [row for row in left if _answers(begin, end, row)]
        if fitting:  # before it, one that was given up may have been served as well
            give(begin, fitting[-1] if position else fitting[0])
    for begin, end in attempts:
        if begin.key not in found and went_out(end):
            fitting = [row for row in left if begin.start_ns <= row.start_ns] or left
            if fitting:
                give(begin, fitting[0])
    return found, tuple(left)


def _answers(begin: protocol.Begin, end: protocol.Request | None, row: LoggedRequest) -> bool:
    if end is None or end.status is None:
        return False
    return begin.start_ns <= row.start_ns and row.end_ns <= end.end_ns and row.status == end.status


def went_out(end: protocol.Request | None) -> bool:
    """Whether the server may know of it: not every client tells when it sent one, but what was answered was sent."""
    return end is None or end.sent_ns is not None or end.status is not None


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
