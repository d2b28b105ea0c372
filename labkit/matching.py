"""Which row of the server's log belongs to which attempt, where a request was tried more than once. Pure functions.

An attempt may never have reached the server, or have been given up before a worker took it up: neither the order nor
the time alone tells. An answer does: its row ended before it came, and has its status.
"""

from __future__ import annotations

from collections.abc import Sequence

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
