"""The bars of a timeline: the phases of a request, and rows in which no two bars overlap. Times are seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Generic, Literal, TypeVar

from labkit.analysis.metrics import served
from labkit.model import RequestRow, ServerRow, Trial

B = TypeVar("B", RequestRow, ServerRow)
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
    """One stage of a request, from `start_s` to `end_s`."""

    stage: Stage
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Row(Generic[B]):
    """Bars of one lane, or of one worker of the server, that do not overlap."""

    title: str
    bars: tuple[B, ...]


def phases(row: RequestRow, until_s: float) -> tuple[Phase, ...]:
    """The phases of a request, without gaps; a request that never ended lasts until `until_s`.

    A request is queued at the server from its sending until a worker starts with it, by the server's log. Where the
    clocks of client and server disagree about the order of two moments, the phase between them has no length.
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


def client_rows(trial: Trial, until_s: float) -> list[Row[RequestRow]]:
    """The lanes of `trial` in the order of their first requests."""
    lanes: dict[tuple[int, str], list[RequestRow]] = {}
    for request in sorted(trial.requests, key=lambda row: row.start_s):
        lanes.setdefault((request.pid, request.lane), []).append(request)
    return [
        row
        for (pid, name), requests in lanes.items()
        for row in _rows(f"{name} (process {pid})", requests, lambda row: until_s if row.end_s is None else row.end_s)
    ]


def worker_rows(trial: Trial) -> list[Row[ServerRow]]:
    """The server's workers that served `trial`, in the order of their process ids."""
    workers: dict[int, list[ServerRow]] = {}
    for request in sorted(served(trial), key=lambda row: row.start_s):
        workers.setdefault(request.worker, []).append(request)
    return [
        row
        for worker, requests in sorted(workers.items())
        for row in _rows(f"worker {worker}", requests, lambda row: row.end_s)
    ]


def _rows(title: str, bars: Iterable[B], end_s: Callable[[B], float]) -> Iterator[Row[B]]:
    """Spread bars, sorted by their start, over the fewest rows in which no two overlap."""
    rows: list[list[B]] = []
    free: list[tuple[float, int]] = []
    for bar in bars:
        if free and free[0][0] <= bar.start_s:
            number = heappop(free)[1]
        else:
            number = len(rows)
            rows.append([])
        rows[number].append(bar)
        heappush(free, (end_s(bar), number))
    for number, row in enumerate(rows, start=1):
        yield Row(title if number == 1 else f"{title}, {number}", tuple(row))
