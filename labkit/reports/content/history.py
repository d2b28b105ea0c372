"""The report of saved results: one line each, the newest first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.analysis.summary import FASTEST, NO_CLEAR_WINNER
from labkit.model import BASELINE
from labkit.output.format import NOT_MEASURED, SEPARATOR, format_count, join_words, plural, sanitize
from labkit.reports.blocks import Block, Column, Paragraph, Table, Tone
from labkit.results.history import Entry, HistoryRow
from labkit.scenarios import DEFAULT

SCHEMA = "concurrency-lab/history/1"
NAMED = 3


@dataclass(frozen=True, slots=True)
class HistoryReport:
    """The entries found in a folder of results."""

    entries: tuple[Entry, ...]
    folder: Path

    def blocks(self) -> tuple[Block, ...]:
        if not self.entries:
            return (Paragraph((f"No results in {self.folder}. `python lab.py compare` creates one.",)),)
        tones: tuple[Tone, ...] = tuple("" if entry.state == "complete" else "warning" for entry in self.entries)

        def column(header: str, cell: Callable[[Entry], str], *, text: bool = False, optional: bool = False) -> Column:
            cells = tuple(sanitize(cell(entry)) for entry in self.entries)
            return Column("text" if text else "name", header, cells, tones=tones, optional=optional)

        trials = tuple(format_count(entry.trials) for entry in self.entries)
        columns = (
            column("result", lambda entry: entry.id),
            column("started", lambda entry: entry.started_at[:16].replace("T", " "), optional=True),
            column("mode", lambda entry: entry.mode or entry.state),
            column("runtime", lambda entry: entry.runtime or NOT_MEASURED),
            Column("figure", "trials", trials, tones=tones),
            column("outcome", _outcome, text=True),
            column("contents", _contents, text=True),
        )
        count = plural(len(self.entries), "result")
        below = f"{count}. Show one: `python lab.py report ID`. Compare two: `python lab.py diff ID ID`."
        return Table(columns, one_line=True), Paragraph((below,))

    def document(self) -> dict[str, Any]:
        return {"schema": SCHEMA, "results": list(map(_entry_document, self.entries))}

    def rows(self) -> list[dict[str, Any]]:
        lists = ("approaches", "scenarios")
        return [each | {name: " ".join(each[name]) for name in lists} for each in map(_entry_document, self.entries)]


def _outcome(entry: Entry) -> str:
    """Format ``18/21 ran; threads fastest``: the missing trials, and the fastest approach."""
    state = f"{entry.state}: " if entry.state in {"damaged", "foreign"} else ""
    return state + "; ".join(filter(None, (describe_state(entry), describe_verdict(entry.rows))))


def _contents(entry: Entry) -> str:
    """Format ``sync, threads, thread_pool and 3 others · flaky · 9 requests · 3 sync workers · 1 s``."""
    names = list(entry.approaches[:NAMED])
    if rest := len(entry.approaches) - len(names):
        names.append(plural(rest, "other"))
    scenarios = "" if entry.scenarios in {(), (DEFAULT,)} else ",".join(entry.scenarios)
    origin = f"rerun of {entry.rerun_of}" if entry.rerun_of else ""
    grid = describe_grid(entry.rows)
    return SEPARATOR.join(filter(None, (join_words(names) if names else "", scenarios, grid, origin)))


def _entry_document(entry: Entry) -> dict[str, Any]:
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
