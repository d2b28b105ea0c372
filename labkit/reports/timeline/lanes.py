"""Which bars a timeline has: a request's phases, and the rows in which no two bars overlap. Times are seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Literal, TypeVar

from labkit.analysis.metrics import served
from labkit.model import RequestRow, ServerRow, Trial

T = TypeVar("T")
Stage = Literal["connecting", "sending", "queued", "unknown", "served", "reading"]
STAGES: dict[Stage, str] = {
    "connecting": "connecting",
    "sending": "sending",
    "queued": "queued at the server",
    "unknown": "no row in the server's log",
    "served": "being served",
    "reading": "reading",
}


@dataclass(frozen=True, slots=True)
class Phase:
    """What a request was doing from `start_s` to `end_s`."""

    stage: Stage
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Row:
    """One lane of requests, as wide as several rows where its requests overlap: `part` counts these from 1."""

    pid: int
    name: str
    part: int
    requests: tuple[RequestRow, ...]


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """One worker of the server, or a part of it, as with `Row`."""

    worker: int
    part: int
    served: tuple[ServerRow, ...]


def phases(row: RequestRow, until_s: float) -> tuple[Phase, ...]:
    """The phases of a request, without gaps between them; one that never ended lasts `until_s`.

    Queued at the server is the time from when the request was sent to when a worker took it up, which the server's log
    says; what is between the two clocks' readings of one moment counts as nothing.
    """
    end_s = row.end_s if row.end_s is not None else max(until_s, row.start_s)
    marks: list[tuple[Stage, float | None]] = [("connecting", row.connected_s), ("sending", row.sent_s)]
    if row.server is None:
        marks += [("unknown", end_s if row.first_byte_s is None else row.first_byte_s)]
    else:
        marks += [("queued", row.server.start_s), ("served", row.server.end_s)]
    found = []
    now_s = row.start_s
    for stage, mark_s in (*marks, ("reading", end_s)):
        then_s = now_s if mark_s is None else min(max(mark_s, now_s), end_s)
        if then_s > now_s:
            found.append(Phase(stage, now_s, then_s))
        now_s = then_s
    return tuple(found)


def rows(trial: Trial, until_s: float) -> tuple[Row, ...]:
    """The lanes of `trial` in the order in which their first requests began."""
    lanes: dict[tuple[int, str], list[RequestRow]] = {}
    for request in sorted(trial.requests, key=lambda row: row.start_s):
        lanes.setdefault((request.pid, request.lane), []).append(request)
    return tuple(
        Row(pid, name, part, tuple(requests))
        for (pid, name), lane in lanes.items()
        for part, requests in enumerate(
            _apart(lane, lambda row: (row.start_s, until_s if row.end_s is None else row.end_s)), start=1
        )
    )


def worker_rows(trial: Trial) -> tuple[WorkerRow, ...]:
    """The server's workers that served `trial`, in the order of their process ids."""
    workers: dict[int, list[ServerRow]] = {}
    for request in sorted(served(trial), key=lambda row: row.start_s):
        workers.setdefault(request.worker, []).append(request)
    return tuple(
        WorkerRow(worker, part, tuple(requests))
        for worker, all_of_it in sorted(workers.items())
        for part, requests in enumerate(_apart(all_of_it, lambda row: (row.start_s, row.end_s)), start=1)
    )


def _apart(in_order: Iterable[T], span: Callable[[T], tuple[float, float]]) -> list[list[T]]:
    """`in_order` of their starts, in as few lists as there can be without an overlap in any."""
    parts: list[list[T]] = []
    free: list[tuple[float, int]] = []
    for each in in_order:
        start_s, end_s = span(each)
        if free and free[0][0] <= start_s:
            number = heappop(free)[1]
        else:
            number = len(parts)
            parts.append([])
        parts[number].append(each)
        heappush(free, (end_s, number))
    return parts
