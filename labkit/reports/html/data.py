"""The compact data that the scripts of the page draw, built from an analysis.

Times are whole units of 10 µs, finer than any screen shows; requests and samples are stored in columns. Control
characters and other invisible characters in text are escaped.
"""

from __future__ import annotations

from typing import Any

from labkit.analysis.analyse import Analysis
from labkit.analysis.summary import SummaryRow
from labkit.model import STATES, CheckedTrial, GridPoint, RequestRow, SampleRow, ServerRow, Trace
from labkit.output.format import SEPARATOR, format_grid_point, sanitize, shorten

UNIT_S = 1e-5
SAMPLES = ("threads", "memory_bytes", "in_flight")


def page_data(analysis: Analysis, sentences: dict[int, str]) -> dict[str, Any]:
    """All trials with all their requests and their `sentences`. A trial names its point by its number in `points`."""
    comparison = analysis.comparison
    environment = comparison.environment
    numbers = {point: number for number, point in enumerate(comparison.plan.points)}
    source = [comparison.id, environment.runtime, *([f"Python {environment.python}"] if environment.python else [])]
    return {
        "unit_s": UNIT_S,
        "source": sanitize(SEPARATOR.join(source)),
        "states": dict(STATES),
        "points": [format_grid_point(point) for point in numbers],
        "trials": [
            _trial(checked, numbers) | {"sentence": sentences[checked.trial.planned.order]}
            for checked in comparison.trials
        ],
        "summary": [_summary(row, numbers) for row in analysis.summary],
    }


def units(seconds: float | None) -> int | None:
    """Seconds in units of 10 µs."""
    return None if seconds is None else round(seconds / UNIT_S)


def _trial(checked: CheckedTrial, numbers: dict[GridPoint, int]) -> dict[str, Any]:
    trial, planned = checked.trial, checked.trial.planned
    lanes, requests = _requests(trial.requests)
    return {
        "approach": sanitize(planned.approach),
        "point": numbers[planned.point],
        "repeat": planned.repeat,
        "order": planned.order,
        "traced": planned.traced,
        "outcome": trial.outcome,
        "ranked": trial.outcome == "ok" and all(check.ok is not False for check in checked.checks),
        "ideal": units(planned.ideal_s),
        "makespan": units(trial.makespan_s),
        "cold": units(trial.cold_start_s),
        "lanes": lanes,
        "requests": requests,
        "unmatched": [_server_row(row) for row in trial.unmatched],
        "samples": _samples(trial.samples),
        "trace": _trace(trial.trace, lanes) if trial.trace else None,
    }


def _requests(rows: tuple[RequestRow, ...]) -> tuple[list[list[Any]], dict[str, Any]]:
    """The lanes as [name, pid] in the order of their first requests, and the requests in columns.

    `error`, `attempt` and `did` are sparse, keyed by the number of the row: most rows have the usual value.
    """
    keys = dict.fromkeys((row.lane, row.pid) for row in sorted(rows, key=lambda row: row.start_s))
    numbers = {key: number for number, key in enumerate(keys)}
    served = [row.server for row in rows]
    return [[sanitize(name), pid] for name, pid in keys], {
        "id": [_id(row.id) for row in rows],
        "lane": [numbers[row.lane, row.pid] for row in rows],
        "start": [units(row.start_s) for row in rows],
        "connected": [units(row.connected_s) for row in rows],
        "sent": [units(row.sent_s) for row in rows],
        "first": [units(row.first_byte_s) for row in rows],
        "end": [units(row.end_s) for row in rows],
        "status": [row.status for row in rows],
        "bytes": [row.bytes for row in rows],
        "error": {str(at): shorten(row.error) for at, row in enumerate(rows) if row.error},
        "attempt": {str(at): row.attempt for at, row in enumerate(rows) if row.attempt > 1},
        "did": {str(at): sanitize(row.did) for at, row in enumerate(served) if row and row.did != "answer"},
        "worker": [row and row.worker for row in served],
        "served": [row and units(row.start_s) for row in served],
        "left": [row and units(row.end_s) for row in served],
    }


def _server_row(row: ServerRow) -> list[Any]:
    return [row.worker, units(row.start_s), units(row.end_s), sanitize(str(row.id)), row.status, sanitize(row.did)]


def _id(number: int | str) -> int | str:
    return sanitize(number) if isinstance(number, str) else number


def _samples(samples: tuple[SampleRow, ...]) -> dict[str, list[Any]]:
    columns = {name: [getattr(sample, name) for sample in samples] for name in SAMPLES}
    return {"t": [units(sample.t_s) for sample in samples], **columns}


def _trace(trace: Trace, lanes: list[list[Any]]) -> dict[str, Any]:
    """Spans as one flat column of (state, start, end, derived); `lane` is the lane of the requests made in it."""
    states = {state: number for number, state in enumerate(STATES)}
    found = []
    for lane in trace.lanes:
        key = [sanitize(lane.name), lane.pid]
        spans = ((states[span.state], units(span.start_s), units(span.end_s), int(span.derived)) for span in lane.spans)
        found.append(
            {
                "kind": lane.kind,
                "name": key[0],
                "pid": lane.pid,
                "tid": lane.tid,
                "lane": lanes.index(key) if key in lanes else None,
                "spans": [value for span in spans for value in span],
            }
        )
    gaps = [[units(start_s), units(end_s)] for start_s, end_s in trace.gaps]
    return {"lanes": found, "gaps": gaps, "unseen": [shorten(text) for text in trace.unseen]}


def _summary(row: SummaryRow, numbers: dict[GridPoint, int]) -> dict[str, Any]:
    makespan = row.makespan
    return {
        "approach": sanitize(row.approach),
        "point": numbers[row.point],
        "ranked": row.ranked,
        "ideal": units(row.ideal_s),
        "makespan": units(makespan.median) if makespan else None,
        "ci95": [units(end_s) for end_s in makespan.ci95] if makespan and makespan.ci95 else None,
        "efficiency": row.efficiency,
        "verdict": sanitize(row.verdict),
    }
