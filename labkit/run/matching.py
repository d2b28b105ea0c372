"""Pair the requests of the client with the rows of the server's log. Pure functions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from math import inf

from clients.harness import protocol
from labkit.runtime.server import LoggedRequest

Attempt = tuple[protocol.Begin, protocol.Request | None]


def match_attempts(
    attempts: Sequence[Attempt], logged: Sequence[LoggedRequest]
) -> tuple[dict[str, LoggedRequest], tuple[LoggedRequest, ...]]:
    """Match the attempts at one request, in order, with the log rows of that request.

    Returns key of an attempt -> its row, and the rows without an attempt. An attempt may never have reached the server,
    or have been given up before a worker took it up, so neither order nor time alone identifies its row. An answer
    does: its row ended before it arrived, and has its status.
    """
    left = sorted(logged, key=lambda row: row.start_ns)
    matches: dict[str, LoggedRequest] = {}

    def assign(begin: protocol.Begin, row: LoggedRequest) -> None:
        left.remove(row)
        matches[begin.key] = row

    for position, (begin, end) in enumerate(attempts):
        candidates = [row for row in left if _is_answered_by(begin, end, row)]
        if candidates:  # an earlier attempt that was given up may have been served as well
            assign(begin, candidates[-1] if position else candidates[0])
    for begin, end in attempts:
        if begin.key not in matches and was_sent(end):
            candidates = [row for row in left if begin.start_ns <= row.start_ns] or left
            if candidates:
                assign(begin, candidates[0])
    return matches, tuple(left)


def _is_answered_by(begin: protocol.Begin, end: protocol.Request | None, row: LoggedRequest) -> bool:
    if end is None or end.status is None:
        return False
    return begin.start_ns <= row.start_ns and row.end_ns <= end.end_ns and row.status == end.status


def was_sent(end: protocol.Request | None) -> bool:
    """True if the server may have received it. Not every client reports when it sent; an answered request was sent."""
    return end is None or end.sent_ns is not None or end.status is not None


def number_requests(
    messages: Sequence[protocol.Message], logged: Sequence[LoggedRequest]
) -> tuple[tuple[protocol.Message, ...], tuple[LoggedRequest, ...]]:
    """Give requests ids from 1 in the order of their start, and log rows the id of their request.

    Among concurrent requests with the same path, the one that was answered first gets the row that ended first. Rows
    without a request get ids above all others.
    """
    begins = sorted((each for each in messages if isinstance(each, protocol.Begin)), key=lambda each: each.start_ns)
    numbers = {each.key: number for number, each in enumerate(begins, 1)}
    keys = _pair(begins, {each.key: each for each in messages if isinstance(each, protocol.Request)}, logged)
    rows = tuple(
        replace(row, id=numbers[keys[position]] if position in keys else len(begins) + 1 + position)
        for position, row in enumerate(logged)
    )
    renamed = tuple(
        each._replace(id=numbers[each.key]) if isinstance(each, protocol.Begin | protocol.Request) else each
        for each in messages
    )
    return renamed, rows


def _pair(
    begins: Sequence[protocol.Begin], ends: dict[str, protocol.Request], logged: Sequence[LoggedRequest]
) -> dict[int, str]:
    """Position of a log row -> key of its request."""
    answered_ns = {begin.key: _answered_ns(ends.get(begin.key)) for begin in begins}
    waiting: dict[int | str, list[protocol.Begin]] = defaultdict(list)
    for begin in sorted(begins, key=lambda begin: answered_ns[begin.key]):
        waiting[begin.id or "-"].append(begin)  # the server logs "-" for a path without an id
    keys = {}
    for position, row in sorted(enumerate(logged), key=lambda each: (each[1].end_ns, each[1].start_ns)):
        same_path = waiting[row.id or "-"]
        for begin in same_path:
            if begin.start_ns <= row.start_ns and row.end_ns <= answered_ns[begin.key]:
                keys[position] = begin.key
                same_path.remove(begin)
                break
    return keys


def _answered_ns(end: protocol.Request | None) -> float:
    if end is None:
        return inf
    return end.end_ns if end.first_byte_ns is None else end.first_byte_ns
