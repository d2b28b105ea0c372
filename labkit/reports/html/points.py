"""What the page says of the approaches in words and tables, from the result document; the template escapes it."""

from __future__ import annotations

import json
from typing import Any

from labkit.model import BASELINE, GridPoint, Load, ServerConfig
from labkit.output.format import (
    NOT_MEASURED,
    format_count,
    format_fixed,
    format_grid_point,
    format_python,
    join_words,
    sanitize,
    shorten,
)
from labkit.reports.content.faults import has_faults, introduction
from labkit.reports.html.sentences import introduced, sentence, typical
from server.behaviour import Behaviour

SMALL_S = 1.0
COLUMNS = (
    "approach",
    "makespan (s)",
    "ideal (s)",
    "efficiency",
    "speed-up over sync",
    "most in flight",
    "threads",
    "processes",
    "CPU (s)",
    "peak memory (MB)",
    "cold start (s)",
    "failed",
    "verdict",
)
# Where the server has faults, what came of them is worth the room that other columns take.
COPING_COLUMNS = (
    "approach",
    "makespan (s)",
    "ideal (s)",
    "efficiency",
    "answered",
    "failed",
    "attempts",
    "wasted",
    "refused",
    "longest quiet (s)",
    "most in flight",
    "CPU (s)",
    "verdict",
)


def point_in(row: dict[str, Any]) -> dict[str, Any]:
    """The grid point that a trial, or a row of the summary, belongs to."""
    return {name: row[name] for name in ("scenario", "interpreter", "server", "load")}


def points_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The grid points, each once, in the order of the summary."""
    found: dict[str, dict[str, Any]] = {}
    for row in (*document["summary"], *document["trials"]):
        point = point_in(row)
        found.setdefault(json.dumps(point, sort_keys=True), point)
    return list(found.values())


def heading(point: dict[str, Any]) -> str:
    """A grid point on one line: ``9 requests · 3 sync workers · 1 s delay · limit 3``."""
    server = ServerConfig(**point["server"] | {"behaviour": behaviour_of(point)})
    return format_grid_point(GridPoint(server, Load(**point["load"]), point["scenario"], point["interpreter"]))


def headline(document: dict[str, Any]) -> dict[str, Any]:
    """What was compared, when and where."""
    environment = document["environment"]
    approaches = dict.fromkeys(row["approach"] for row in document["summary"] if row["approach"] != BASELINE)
    pythons = sorted({format_python(each["python"], each["gil"]) for each in document["trials"] if each["python"]})
    trials = document["trials"]
    bad = sum(
        trial["outcome"] != "ok" or any(check["ok"] is False for check in trial["checks"])
        for trial in trials
        if not trial["traced"]
    )
    title = f"{len(approaches)} approach{'' if len(approaches) == 1 else 'es'} compared"
    return {
        "id": sanitize(document["id"]),
        "title": sanitize(f"{join_words(list(approaches))} traced") if document["mode"] == "trace" else title,
        "facts": [
            ("When", sanitize(document["started_at"].replace("T", " ").replace("Z", " UTC").replace("+00:00", " UTC"))),
            ("Runtime", sanitize(environment["runtime"])),
            ("Python", " · ".join(pythons) or sanitize(environment["python"] or NOT_MEASURED)),
            ("Processors", format_count(environment["cpus"])),
            ("Trials", f"{len(trials)}{f', {bad} of them not ranked' if bad else ''}"),
        ],
        "traced": any(trial["traced"] for trial in trials),
        "repeats": max((trial["repeat"] for trial in trials), default=1),
        "points": len(points_of(document)),
    }


def sections(document: dict[str, Any]) -> list[dict[str, Any]]:
    """One per grid point: its table and its sentences; what its scenario is about stands at the first of them."""
    points = points_of(document)
    firsts = {point["scenario"]: number for number, point in reversed(list(enumerate(points)))}
    return [_section(document, number, point, firsts[point["scenario"]]) for number, point in enumerate(points)]


def _section(document: dict[str, Any], number: int, point: dict[str, Any], first: int) -> dict[str, Any]:
    rows = [row for row in document["summary"] if _is_at(row, point)]
    of_sync_s = sync_handling_s(document, point)
    said, instead = [], []
    for row in rows:
        trials = [
            trial for trial in document["trials"] if trial["approach"] == row["approach"] and _is_at(trial, point)
        ]
        chosen, name = typical(trials), sanitize(row["approach"])
        text = (
            introduced(row["approach"], sentence(chosen, of_sync_s))
            if chosen
            else f"Not run: {sanitize(row['verdict'])}."
        )
        said.append((name, text))
        if chosen and (causes := _causes(chosen)):
            instead.append((name, causes))
    columns = COPING_COLUMNS if has_faults(behaviour_of(point)) else COLUMNS
    cells = [_cells(row, _decimals(rows)) for row in rows]
    return {
        "number": number,
        "heading": heading(point),
        "about": introduction(point["scenario"]) if number == first else None,
        "columns": columns,
        "rows": [[of[column] for column in columns] for of in cells],
        "sentences": said,
        "instead": instead,
    }


def sync_handling_s(document: dict[str, Any], point: dict[str, Any]) -> float | None:
    """What handling took sync at a grid point: with it the others are compared."""
    rows = (row for row in document["summary"] if row["approach"] == "sync" and _is_at(row, point))
    return next((row["handling_s"] for row in rows), None)


def behaviour_of(point: dict[str, Any]) -> Behaviour:
    """What the server does to requests at a grid point."""
    return Behaviour(**point["server"]["behaviour"])


def _causes(trial: dict[str, Any]) -> list[str]:
    """What stood in the place of bodies, by the place."""
    causes = enumerate(trial["causes"] or (), start=1)
    return [f"{place}: {shorten(cause)}" for place, cause in causes if cause is not None]


def _is_at(of: dict[str, Any], point: dict[str, Any]) -> bool:
    return all(of[name] == value for name, value in point.items())


def _decimals(rows: list[dict[str, Any]]) -> int:
    times = [row["makespan_s"]["median"] for row in rows if row["makespan_s"]]
    return 3 if min(times, default=SMALL_S) < SMALL_S else 2


def _cells(row: dict[str, Any], decimals: int) -> dict[str, str]:
    """What stands in each column that there may be."""
    makespan, speedup, memory = row["makespan_s"], row["speedup_vs_sync"], row["peak_memory_bytes"]
    shown = format_fixed(makespan["median"] if makespan else None, decimals)
    if makespan and makespan["ci95"]:
        shown += f" [{makespan['ci95'][0]:.{decimals}f}, {makespan['ci95'][1]:.{decimals}f}]"
    return {
        "approach": sanitize(row["approach"]),
        "makespan (s)": shown,
        "ideal (s)": format_fixed(row["ideal_s"], decimals),
        "efficiency": format_fixed(row["efficiency"], 3),
        "speed-up over sync": NOT_MEASURED if speedup is None else f"{speedup:.2f}×",
        "most in flight": format_count(row["max_in_flight"]),
        "threads": format_count(row["threads_peak"]),
        "processes": format_count(row["processes_peak"]),
        "CPU (s)": format_fixed(row["cpu_s"], 2),
        "peak memory (MB)": NOT_MEASURED if memory is None else f"{memory / 1e6:.0f}",
        "cold start (s)": format_fixed(row["cold_start_s"], 2),
        "answered": format_count(row["ok"]) if row["trials"] else NOT_MEASURED,
        "failed": format_count(row["failed"]) if row["trials"] else NOT_MEASURED,
        "attempts": format_count(row["attempts"]),
        "wasted": format_count(row["wasted_attempts"]),
        "refused": format_count(row["refused"]),
        "longest quiet (s)": format_fixed(row["longest_quiet_s"], decimals),
        "verdict": sanitize(row["verdict"]),
    }
