"""One entry per saved result, read without its trials: msgspec skips every field that the types below omit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from msgspec.json import Decoder

from labkit.model import BASELINE, Environment, Notice, ServerConfig, label
from labkit.results.document import SCHEMA
from labkit.results.read import started_at
from labkit.results.read_comparison import SavedPlan
from labkit.results.store import DOCUMENT, TRIALS, whole_lines

State = Literal["complete", "incomplete", "cut off", "running", "damaged", "foreign"]


@dataclass(frozen=True, slots=True)
class HistoryLoad:
    """A comparison's load, or a load test's: that one has a mode and users."""

    requests: int | None
    limit: int
    timeout_s: float | None = None
    handle_s: float = 0.0
    rate: float | None = None
    mode: Literal["closed", "open"] | None = None
    users: int | None = None


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """A row of the summary: one approach at one grid point."""

    approach: str
    scenario: str
    server: ServerConfig
    load: HistoryLoad
    trials: int
    ranked: int
    verdict: str
    interpreter: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One folder in results/.

    `trials` ran, of `planned`, and `ranked` of them may be compared. `stopped` means that the run ended early.
    `rows` is the summary. `problem` describes the damage of a damaged or foreign folder, which has no other values.
    """

    id: str
    state: State
    started_at: str
    mode: str | None = None
    approaches: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = ()
    rows: tuple[HistoryRow, ...] = ()
    runtime: str | None = None
    trials: int | None = None
    planned: int | None = None
    ranked: int | None = None
    stopped: bool = False
    problem: str = ""
    rerun_of: str | None = None


@dataclass(frozen=True, slots=True)
class _Document:
    schema: str
    id: str
    started_at: str
    environment: Environment
    summary: tuple[HistoryRow, ...]
    warnings: tuple[Notice, ...]
    mode: Literal["compare", "trace", "load"] = "compare"
    plan: SavedPlan | None = None
    unavailable: dict[str, str] | None = None
    stopped: str | None = None
    rerun_of: str | None = None


@dataclass(frozen=True, slots=True)
class _Trial:
    """A line of trials.jsonl."""

    approach: str
    load: HistoryLoad


_DOCUMENT, _TRIAL = Decoder(_Document), Decoder(_Trial)


def list_results(results: Path, is_running: Callable[[str], bool]) -> list[Entry]:
    """List every folder in `results`, the newest first; `is_running` is asked with the id of an unfinished run."""
    folders = [each for each in results.iterdir() if each.is_dir()] if results.is_dir() else []
    entries = [_entry(folder, is_running) for folder in folders]
    return sorted(entries, key=lambda entry: (entry.started_at, entry.id), reverse=True)


def _entry(folder: Path, is_running: Callable[[str], bool]) -> Entry:
    try:
        if (folder / DOCUMENT).exists():
            return _finished(folder)
        if (folder / TRIALS).exists():
            return _unfinished(folder, "running" if is_running(folder.name) else "cut off")
    except (ValueError, RecursionError) as error:
        problem = str(error)
    except OSError as error:
        problem = error.strerror or str(error)
    else:
        return Entry(folder.name, "foreign", started_at(folder.name), problem=f"neither {DOCUMENT} nor {TRIALS}")
    return Entry(folder.name, "damaged", started_at(folder.name), problem=problem)


def _finished(folder: Path) -> Entry:
    document = _DOCUMENT.decode((folder / DOCUMENT).read_bytes())
    if document.schema != SCHEMA:
        raise ValueError(f"has the schema {document.schema!r}, not {SCHEMA!r}")
    rows = document.summary
    trials, ranked = sum(row.trials for row in rows), sum(row.ranked for row in rows)
    planned = _planned(document) or trials
    stopped = document.stopped is not None or any(notice.code == "stopped" for notice in document.warnings)
    all_ranked = ranked == trials or document.mode == "trace"
    return Entry(
        id=folder.name,
        state="incomplete" if stopped or trials < planned or not all_ranked else "complete",
        started_at=document.started_at,
        mode=document.mode,
        approaches=tuple(dict.fromkeys(row.approach for row in rows if row.approach != BASELINE)),
        scenarios=tuple(dict.fromkeys(row.scenario for row in rows)),
        rows=rows,
        runtime=document.environment.runtime,
        trials=trials,
        planned=planned,
        ranked=ranked,
        stopped=stopped,
        rerun_of=document.rerun_of,
    )


def _planned(document: _Document) -> int | None:
    """Count the planned trials that can run here; the summary has no traced ones unless it is a trace."""
    if document.plan is None:
        return None
    unavailable = document.unavailable or {}
    return sum(
        label(trial.approach, block.interpreter) not in unavailable and trial.traced == (document.mode == "trace")
        for block in document.plan.blocks
        for trial in block.trials
    )


def _unfinished(folder: Path, state: Literal["cut off", "running"]) -> Entry:
    trials = _TRIAL.decode_lines(whole_lines(folder / TRIALS))
    return Entry(
        id=folder.name,
        state=state,
        started_at=started_at(folder.name),
        mode="load" if any(trial.load.mode for trial in trials) else "compare",
        approaches=tuple(dict.fromkeys(trial.approach for trial in trials if trial.approach != BASELINE)),
        trials=len(trials),
    )
