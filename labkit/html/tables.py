"""What the page says in words and tables, from the result document. The template only lays it out, and escapes it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from labkit.html.sentences import introduced, sentence, typical
from labkit.model import BASELINE, GridPoint, Load, ServerConfig
from labkit.reports.parts.text import NOT_MEASURED, count, described, fixed, listed, visible
from labkit.reports.parts.trouble import shortened

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


def points_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The grid points, each once, in the order of the summary."""
    found: dict[str, dict[str, Any]] = {}
    for row in (*document["summary"], *document["trials"]):
        point = {name: row[name] for name in ("scenario", "server", "load")}
        found.setdefault(json.dumps(point, sort_keys=True), point)
    return list(found.values())


def heading(point: dict[str, Any]) -> str:
    """A grid point on one line: ``9 requests · 3 sync workers · 1 s delay · limit 3``."""
    return described(GridPoint(ServerConfig(**point["server"]), Load(**point["load"]), point["scenario"]))


def headline(document: dict[str, Any]) -> dict[str, Any]:
    """What was compared, when and where."""
    environment = document["environment"]
    approaches = dict.fromkeys(row["approach"] for row in document["summary"] if row["approach"] != BASELINE)
    pythons = sorted({trial["python"] for trial in document["trials"] if trial["python"]})
    trials = document["trials"]
    bad = sum(
        trial["outcome"] != "ok" or any(check["ok"] is False for check in trial["checks"])
        for trial in trials
        if not trial["traced"]
    )
    title = f"{len(approaches)} approach{'' if len(approaches) == 1 else 'es'} compared"
    return {
        "id": visible(document["id"]),
        "title": visible(f"{listed(list(approaches))} traced") if document["mode"] == "trace" else title,
        "facts": [
            ("When", visible(document["started_at"].replace("T", " ").replace("Z", " UTC").replace("+00:00", " UTC"))),
            ("Runtime", visible(environment["runtime"])),
            ("Python", visible(", ".join(pythons) or environment["python"] or NOT_MEASURED)),
            ("Processors", count(environment["cpus"])),
            ("Trials", f"{len(trials)}{f', {bad} of them not ranked' if bad else ''}"),
        ],
        "traced": any(trial["traced"] for trial in trials),
        "repeats": max((trial["repeat"] for trial in trials), default=1),
        "points": len(points_of(document)),
    }


def sections(document: dict[str, Any]) -> list[dict[str, Any]]:
    """One per grid point: its table and its sentences."""
    return [_section(document, number, point) for number, point in enumerate(points_of(document))]


def _section(document: dict[str, Any], number: int, point: dict[str, Any]) -> dict[str, Any]:
    rows = [row for row in document["summary"] if _is_at(row, point)]
    said = []
    for row in rows:
        trials = [
            trial for trial in document["trials"] if trial["approach"] == row["approach"] and _is_at(trial, point)
        ]
        chosen = typical(trials)
        text = introduced(row["approach"], sentence(chosen)) if chosen else f"Not run: {visible(row['verdict'])}."
        said.append((visible(row["approach"]), text))
    return {
        "number": number,
        "heading": heading(point),
        "columns": COLUMNS,
        "rows": [_cells(row, _decimals(rows)) for row in rows],
        "sentences": said,
    }


def _is_at(of: dict[str, Any], point: dict[str, Any]) -> bool:
    return all(of[name] == value for name, value in point.items())


def _decimals(rows: list[dict[str, Any]]) -> int:
    times = [row["makespan_s"]["median"] for row in rows if row["makespan_s"]]
    return 3 if min(times, default=SMALL_S) < SMALL_S else 2


def _cells(row: dict[str, Any], decimals: int) -> list[str]:
    makespan, speedup, memory = row["makespan_s"], row["speedup_vs_sync"], row["peak_memory_bytes"]
    shown = fixed(makespan["median"] if makespan else None, decimals)
    if makespan and makespan["ci95"]:
        shown += f" [{makespan['ci95'][0]:.{decimals}f}, {makespan['ci95'][1]:.{decimals}f}]"
    return [
        visible(row["approach"]),
        shown,
        fixed(row["ideal_s"], decimals),
        fixed(row["efficiency"], 3),
        NOT_MEASURED if speedup is None else f"{speedup:.2f}×",
        count(row["max_in_flight"]),
        count(row["threads_peak"]),
        count(row["processes_peak"]),
        fixed(row["cpu_s"], 2),
        NOT_MEASURED if memory is None else f"{memory / 1e6:.0f}",
        fixed(row["cold_start_s"], 2),
        count(row["failed"]) if row["trials"] else NOT_MEASURED,
        visible(row["verdict"]),
    ]


def particulars(document: dict[str, Any]) -> dict[str, Any]:
    """Environment, checks, warnings, agreement with the baseline, and the command that makes this again."""
    environment = document["environment"]
    memory = environment["memory_bytes"]
    named = {**environment, "memory_bytes": f"{memory / 1e9:.1f} GB" if memory else None, "seed": document["seed"]}
    plain = [
        (name.replace("_bytes", "").replace("_", " "), NOT_MEASURED if value is None else visible(str(value)))
        for name, value in named.items()
        if not isinstance(value, dict)
    ]
    return {
        "environment": plain,
        "packages": _pairs(environment["packages"]),
        "images": _pairs(environment["images"]),
        "warnings": [
            (shortened(each["message"]), "\n".join(map(visible, each["hint"].splitlines())))
            for each in document["warnings"]
        ],
        "checks": [_checks(trial) for trial in document["trials"]],
        "trouble": [_trouble(trial) for trial in document["trials"] if trial["outcome"] != "ok"],
        "agreement": [_agreement(each) for each in document["agreement"]],
        "command": visible(document["command"]),
    }


def _pairs(of: dict[str, str]) -> list[tuple[str, str]]:
    return [(visible(name), visible(value)) for name, value in sorted(of.items())]


def _named(trial: dict[str, Any]) -> str:
    return visible(f"{trial['approach']}, trial {trial['order']}{', traced' if trial['traced'] else ''}")


def _checks(trial: dict[str, Any]) -> dict[str, Any]:
    mark: Callable[[bool | None], str] = {True: "held", False: "failed", None: "not told"}.__getitem__
    checks = [(visible(check["name"]), mark(check["ok"]), shortened(check["detail"])) for check in trial["checks"]]
    return {"trial": _named(trial), "checks": checks, "failed": [each for each in checks if each[1] == "failed"]}


def _trouble(trial: dict[str, Any]) -> dict[str, Any]:
    said = f"{_named(trial)}: {trial['outcome']}" + (f": {trial['error']}" if trial["error"] else "")
    return {"text": shortened(said), "lines": [shortened(line) for line in trial["last_lines"]]}


def _agreement(each: dict[str, Any]) -> list[str]:
    point = {name: each[name] for name in ("scenario", "server", "load")}
    told = [f"{each[name][by]:.3f}" for name in ("asyncio_semaphore", BASELINE) for by in ("client_s", "server_s")]
    return [heading(point), each["figure"], *told, "yes" if each["ok"] else f"no: the log supports {each['supported']}"]
