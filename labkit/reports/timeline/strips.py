"""From a trial to what is drawn of it: strips of bars, the client's lanes above the server's workers.

A request's own bar is worth its room up to `MOST_ROWS` of them; beyond that a lane is one row, and where there are too
many lanes as well, what is drawn is how many requests were in each phase at each moment.
"""

from __future__ import annotations

from itertools import chain, repeat

from labkit.analysis.metrics import end_of, served
from labkit.analysis.statistics import most_at_once
from labkit.model import RequestRow, State, Trace, Trial
from labkit.output.format import plural, sanitize
from labkit.reports.timeline.canvas import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PALE,
    PURPLE,
    SKY,
    VERMILLION,
    YELLOW,
    Colour,
    lighter,
)
from labkit.reports.timeline.lanes import Row, Stage, phases, rows, worker_rows
from labkit.reports.timeline.stacks import Bar, Strip, Time, stacked

MOST_ROWS, MOST_LANES, MOST_WORKERS, MOST_TRACED = 36, 20, 12, 24
CLIENT_HEIGHT, LEAST_ROW, MOST_ROW, WORKER_ROW, STATE_ROW = 153, 5, 18, 17, 22
# How much of its row a bar takes, so that rows stay apart.
FILLED = 0.9
FAILED_COLUMNS = 6

STAGE_COLOURS: dict[Stage, Colour] = {
    "connecting": SKY,
    "sending": SKY,
    "queued": ORANGE,
    "unknown": GREY,
    "served": GREEN,
    "reading": BLUE,
}
NOT_BEGUN, FAILED = "waiting in the client", "failed"
STATE_COLOURS: dict[State, Colour] = {
    "running": GREEN,
    "io": SKY,
    "gil": VERMILLION,
    "core": ORANGE,
    "lock": PURPLE,
    "sleep": PALE,
    "child": GREY,
    "ready": YELLOW,
}


def client_strips(trial: Trial, time: Time) -> tuple[Strip, ...]:
    """The client's lanes."""
    until_s = end_of(trial)
    lanes = rows(trial, until_s)
    count = len(trial.requests)
    if count <= MOST_ROWS:
        height = _row_height(count)
        return tuple(_staircase(lane, until_s, time, height) for lane in lanes)
    if len(lanes) <= MOST_LANES:
        height = _row_height(len(lanes))
        return tuple(_line(lane, until_s, time, height) for lane in lanes)
    return (_crowd(trial, time),)


def _row_height(number: int) -> int:
    return max(LEAST_ROW, min(MOST_ROW, CLIENT_HEIGHT // max(1, number)))


def _staircase(lane: Row, until_s: float, time: Time, height: int) -> Strip:
    """A lane with a row per request; until a request begins, it waits in the client."""
    places, bars = len(lane.requests), []
    for place, request in enumerate(lane.requests):
        low, high = place / places, (place + FILLED) / places
        bars.append(Bar(0.0, request.start_s, PALE, low, high))
        bars += _bars(request, until_s, time, low, high)
    return Strip(sanitize(lane.name), places * height, tuple(bars))


def _line(lane: Row, until_s: float, time: Time, height: int) -> Strip:
    """A lane with all its requests in one row."""
    bars = [bar for request in lane.requests for bar in _bars(request, until_s, time, 0.0, FILLED)]
    return Strip(sanitize(lane.name), height, tuple(bars))


def _bars(request: RequestRow, until_s: float, time: Time, low: float, high: float) -> list[Bar]:
    found = []
    for phase in phases(request, until_s):
        text = sanitize(str(request.id)) if phase.stage in {"served", "unknown"} else ""
        found.append(Bar(phase.start_s, phase.end_s, STAGE_COLOURS[phase.stage], low, high, text))
    if not request.answered:
        end_s = until_s if request.end_s is None else request.end_s
        found.append(Bar(end_s - FAILED_COLUMNS * time.step_s, end_s, VERMILLION, low, high))
    return found


def _crowd(trial: Trial, time: Time) -> Strip:
    """All requests on top of each other, by phase, as a share of all; what is answered leaves."""
    until_s = end_of(trial)
    spans: list[tuple[Colour, float, float]] = [(PALE, 0.0, row.start_s) for row in trial.requests]
    for request in trial.requests:
        spans += ((STAGE_COLOURS[phase.stage], phase.start_s, phase.end_s) for phase in phases(request, until_s))
    order = (GREEN, BLUE, SKY, GREY, ORANGE, PALE)
    bars = stacked(spans, order, time, len(trial.requests))
    noun = "request" if len({row.id for row in trial.requests}) == len(trial.requests) else "attempt"
    return Strip(f"all {plural(len(trial.requests), noun)}", CLIENT_HEIGHT, bars)


def worker_strips(trial: Trial, time: Time) -> tuple[Strip, ...]:
    """The server's workers: a row each, or how many requests they served at once where they are many."""
    workers = worker_rows(trial)
    idle = trial.planned.point.server.workers - len({row.worker for row in workers})
    if len(workers) + idle > MOST_WORKERS:
        spans = [(GREEN, row.start_s, row.end_s) for row in served(trial)]
        most = most_at_once((start_s, end_s) for _, start_s, end_s in spans)
        return (Strip(f"{most} at once at most", CLIENT_HEIGHT // 2, stacked(spans, (GREEN,), time, max(1, most))),)
    bars = [
        tuple(Bar(each.start_s, each.end_s, GREEN, 0.0, FILLED, sanitize(str(each.id))) for each in row.served)
        for row in workers
    ]
    labels = [f"worker {number}" for number in range(1, len(bars) + idle + 1)]
    return tuple(Strip(label, WORKER_ROW, bars) for label, bars in zip(labels, chain(bars, repeat(())), strict=False))


def state_strips(trace: Trace, time: Time) -> tuple[Strip, ...]:
    """The lanes of a traced trial: each column is shared out among the states that it had, derived ones lighter."""
    order = tuple(shade for colour in STATE_COLOURS.values() for shade in (colour, lighter(colour)))
    return tuple(
        Strip(
            sanitize(lane.name),
            STATE_ROW,
            stacked(
                [
                    (lighter(STATE_COLOURS[span.state]) if span.derived else STATE_COLOURS[span.state],
                     span.start_s, span.end_s)
                    for span in lane.spans
                ],
                order,
                time,
                1,
            ),
        )
        for lane in trace.lanes[:MOST_TRACED]
    )  # fmt: skip
