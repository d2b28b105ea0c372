"""The result document as the compact data that the page draws.

Times are whole units of 10 µs, which no screen can tell from the measured ones; requests and samples stand in columns.
What others wrote is made visible: it may hold characters that turn or hide text.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from labkit.model import STATES
from labkit.output.format import sanitize, shorten
from labkit.reports.html.points import heading, point_in, points_of, sync_handling_s
from labkit.reports.html.sentences import sentence

UNIT_S = 1e-5
TIMES = {
    "start": "start_s",
    "connected": "connected_s",
    "sent": "sent_s",
    "first": "first_byte_s",
    "end": "end_s",
}


def view(document: dict[str, Any]) -> dict[str, Any]:
    """All trials with all their requests; `points` are the headings of the grid points that trials refer to."""
    points = points_of(document)
    of_sync = [sync_handling_s(document, point) for point in points]
    return {
        "unit_s": UNIT_S,
        "states": dict(STATES),
        "points": [heading(point) for point in points],
        "trials": [_trial(trial, points, of_sync) for trial in document["trials"]],
        "summary": [_summary(row, points) for row in document["summary"]],
    }


def units(seconds: float | None) -> int | None:
    """Seconds in units of 10 µs."""
    return None if seconds is None else round(seconds / UNIT_S)


def _trial(trial: dict[str, Any], points: list[dict[str, Any]], of_sync: list[float | None]) -> dict[str, Any]:
    lanes, requests = _requests(trial["requests"])
    point = points.index(point_in(trial))
    return {
        "approach": sanitize(trial["approach"]),
        "point": point,
        "repeat": trial["repeat"],
        "order": trial["order"],
        "traced": trial["traced"],
        "outcome": trial["outcome"],
        "ranked": trial["outcome"] == "ok" and all(check["ok"] is not False for check in trial["checks"]),
        "sentence": sentence(trial, of_sync[point]),
        "ideal": units(trial["ideal_s"]),
        "makespan": units(trial["makespan_s"]),
        "cold": units(trial["cold_start_s"]),
        "bound": trial["bound"],
        "lanes": lanes,
        "requests": requests,
        "unmatched": [
            [
                row["worker"],
                units(row["start_s"]),
                units(row["end_s"]),
                sanitize(str(row["id"])),
                row["status"],
                sanitize(row["did"]),
            ]
            for row in trial["unmatched"]
        ],
        "samples": {
            "t": [units(sample["t_s"]) for sample in trial["samples"]],
            **{
                name: [sample[name] for sample in trial["samples"]]
                for name in ("threads", "processes", "memory_bytes", "in_flight")
            },
        },
        "trace": _trace(trial["trace"], lanes) if trial["trace"] else None,
    }


def _requests(rows: list[dict[str, Any]]) -> tuple[list[list[Any]], dict[str, Any]]:
    """The lanes as [name, pid] in the order of their first request, and the requests in columns.

    `attempt` and `did` hold what is not as usual alone, by the place of its row: there may be thousands of rows.
    """
    keys = dict.fromkeys((row["lane"], row["pid"]) for row in sorted(rows, key=lambda row: row["start_s"]))
    numbers = {key: number for number, key in enumerate(keys)}
    servers = [row["server"] or {"worker": None, "start_s": None, "end_s": None, "did": "answer"} for row in rows]
    columns = {
        "id": [sanitize(row["id"]) if isinstance(row["id"], str) else row["id"] for row in rows],
        "lane": [numbers[row["lane"], row["pid"]] for row in rows],
        **{name: [units(row[field]) for row in rows] for name, field in TIMES.items()},
        "status": [row["status"] for row in rows],
        "bytes": [row["bytes"] for row in rows],
        "error": {str(at): shorten(row["error"]) for at, row in enumerate(rows) if row["error"]},
        "attempt": {str(at): row["attempt"] for at, row in enumerate(rows) if row["attempt"] > 1},
        "did": {str(at): sanitize(each["did"]) for at, each in enumerate(servers) if each["did"] != "answer"},
        "worker": [server["worker"] for server in servers],
        "served": [units(server["start_s"]) for server in servers],
        "left": [units(server["end_s"]) for server in servers],
    }
    return [[sanitize(name), pid] for name, pid in keys], columns


def _trace(trace: dict[str, Any], lanes: list[list[Any]]) -> dict[str, Any]:
    """Spans as one flat column of (state, start, end, derived); `lane` is the lane of the requests made in it."""
    numbers = {state: number for number, state in enumerate(STATES)}
    shown = []
    for lane in trace["lanes"]:
        key = [sanitize(lane["name"]), lane["pid"]]
        spans = (
            (numbers[state], units(start), units(end), int(derived)) for state, start, end, derived in lane["spans"]
        )
        shown.append(
            {
                "kind": lane["kind"],
                "name": key[0],
                "pid": lane["pid"],
                "tid": lane["tid"],
                "lane": lanes.index(key) if key in lanes else None,
                "spans": _flat(spans),
            }
        )
    gaps = [[units(start), units(end)] for start, end in trace["gaps"]]
    return {"lanes": shown, "gaps": gaps, "unseen": [shorten(text) for text in trace["unseen"]]}


def _flat(rows: Iterable[tuple[Any, ...]]) -> list[Any]:
    return [value for row in rows for value in row]


def _summary(row: dict[str, Any], points: list[dict[str, Any]]) -> dict[str, Any]:
    makespan = row["makespan_s"]
    spread = makespan["ci95"] if makespan else None
    return {
        "approach": sanitize(row["approach"]),
        "point": points.index(point_in(row)),
        "ranked": row["ranked"],
        "ideal": units(row["ideal_s"]),
        "makespan": units(makespan["median"]) if makespan else None,
        "ci95": [units(end) for end in spread] if spread else None,
        "efficiency": row["efficiency"],
        "verdict": sanitize(row["verdict"]),
    }
