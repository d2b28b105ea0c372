"""Words about one saved result: its state, its grid, and the fastest approach."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from labkit.analysis.summary import FASTEST, NO_CLEAR_WINNER
from labkit.model import BASELINE
from labkit.output.format import SEPARATOR, plural
from labkit.results.history import Entry, HistoryRow


def entry_document(entry: Entry) -> dict[str, Any]:
    """Turn one saved result into plain data, ready for JSON."""
    return {
        "id": entry.id,
        "state": entry.state,
        "started_at": entry.started_at,
        "mode": entry.mode,
        "approaches": entry.approaches,
        "scenarios": entry.scenarios,
        "grid": describe_grid(entry.rows),
        "runtime": entry.runtime,
        "trials": entry.trials,
        "verdict": describe_verdict(entry.rows),
        "why": describe_state(entry),
        "rerun_of": entry.rerun_of,
    }


def describe_state(entry: Entry) -> str:
    """Describe why a result is not complete; empty for a complete one."""
    match entry.state:
        case "complete":
            return ""
        case "running":
            return "still running"
        case "cut off":
            return "cut off"
        case "incomplete" if entry.stopped or (entry.trials or 0) < (entry.planned or 0):
            return f"{entry.trials}/{entry.planned} ran"
        case "incomplete":
            return f"{entry.ranked}/{entry.trials} ranked"
    return entry.problem


def describe_verdict(rows: Sequence[HistoryRow]) -> str:
    """Name the fastest approach, with the number of its grid points unless it won all; else all different verdicts."""
    rows = [row for row in rows if row.approach != BASELINE] or rows
    points = {(row.scenario, row.server, row.load, row.interpreter) for row in rows}
    fastest = Counter(row.approach for row in rows if row.verdict == FASTEST)
    if fastest:
        name, times = fastest.most_common(1)[0]
        return f"{name} fastest" if times == len(points) else f"{name} fastest at {times} of {len(points)}"
    verdicts = list(dict.fromkeys(row.verdict for row in rows))
    return NO_CLEAR_WINNER if NO_CLEAR_WINNER in verdicts else ", ".join(verdicts)


def describe_grid(rows: Sequence[HistoryRow]) -> str:
    """``9 requests · 1,3,9 sync workers · 1 s``: every axis of the grid with its values; a limit only if it varies."""
    if not rows:
        return ""
    servers = [row.server for row in rows]
    loads, tests = ([row.load for row in rows if (row.load.mode is None) == is_load] for is_load in (True, False))
    rates = [load.rate for load in tests if load.rate is not None]
    limits = {load.limit for load in loads}
    parts = [
        f"{_numbers(rates)} per second" if rates else "",
        "" if rates else _axis([load.users or 0 for load in tests], "user"),
        _axis([load.requests or 0 for load in loads], "request"),
        _axis([server.workers for server in servers], f"{','.join({s.worker_class: '' for s in servers})} worker"),
        f"{_numbers(server.delay_s for server in servers)} s",
        f"limit {_numbers(limits)}" if len(limits) > 1 else "",
        *dict.fromkeys(row.interpreter or "" for row in rows),
    ]
    return SEPARATOR.join(filter(None, parts))


def _axis(values: Sequence[int], noun: str) -> str:
    """``1 worker``, ``3 workers``, ``1,3 workers``."""
    if len(set(values)) < 2:
        return plural(values[0], noun) if values else ""
    return f"{_numbers(values)} {noun}s"


def _numbers(values: Iterable[float]) -> str:
    return ",".join(f"{value:g}" for value in sorted(set(values)))
