"""What the saved results are, a line each, without reading what makes them large.

A document's trials are between its head and its summary. The file is mapped, not read: the two places are found by the
lines that only a top-level key begins (`labkit.results.store` writes with one space of indentation, and no text in JSON
holds a line break), and what is around them is parsed. Documents laid out in another way, small ones as a rule, are
parsed whole.
"""

from __future__ import annotations

import json
import mmap
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from labkit.analysis.summary import FASTEST, NO_CLEAR_WINNER
from labkit.model import BASELINE, Environment, Load, Notice, ServerConfig, label
from labkit.output.format import SEPARATOR, plural
from labkit.results.decode import DamagedError, decode
from labkit.results.document import SCHEMA
from labkit.results.read import DOCUMENT, TRIALS, started_at
from labkit.results.read_load import SavedLoad

BEFORE, AFTER = b'\n "trials": [', b'\n "summary": ['
State = Literal["complete", "incomplete", "cut off", "running", "damaged", "foreign"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One folder in results/. Of a damaged or foreign one `why` says what is wrong, and most is None or empty."""

    id: str
    state: State
    started_at: str
    mode: str | None = None
    approaches: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = ()
    grid: str = ""
    runtime: str | None = None
    trials: int | None = None
    verdict: str = ""
    why: str = ""
    rerun_of: str | None = None


@dataclass(frozen=True, slots=True)
class _Planned:
    approach: str
    traced: bool


@dataclass(frozen=True, slots=True)
class _Block:
    scenario: str
    server: ServerConfig
    load: Load
    trials: tuple[_Planned, ...]
    interpreter: str | None = None


@dataclass(frozen=True, slots=True)
class _Plan:
    approaches: tuple[str, ...]
    blocks: tuple[_Block, ...]


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the summary."""

    approach: str
    scenario: str
    server: ServerConfig
    load: SavedLoad | Load  # in this order: a load's has all that a comparison's has
    trials: int
    ranked: int
    verdict: str
    interpreter: str | None = None


@dataclass(frozen=True, slots=True)
class _Head:
    """A document without its trials."""

    id: str
    started_at: str
    environment: Environment
    summary: tuple[_Row, ...]
    warnings: tuple[Notice, ...]
    mode: Literal["compare", "trace", "load"] = "compare"
    plan: _Plan | None = None
    unavailable: dict[str, str] | None = None
    stopped: str | None = None
    rerun_of: str | None = None


def entries(results: Path, is_running: Callable[[str], bool]) -> list[Entry]:
    """Every folder in `results`, the newest first; `is_running` tells of an id whether its run goes on yet."""
    folders = [each for each in results.iterdir() if each.is_dir()] if results.is_dir() else []
    found = [_entry(folder, is_running) for folder in folders]
    return sorted(found, key=lambda entry: (entry.started_at, entry.id), reverse=True)


def _entry(folder: Path, is_running: Callable[[str], bool]) -> Entry:
    begun = started_at(folder.name)
    try:
        if (folder / DOCUMENT).exists():
            return _of_document(folder)
        if (folder / TRIALS).exists():
            return _cut_off(folder, begun, "running" if is_running(folder.name) else "cut off")
    except DamagedError as damaged:
        why = str(damaged)
    except (ValueError, RecursionError) as error:
        why = str(error)
    except OSError as error:
        why = error.strerror or str(error)
    else:
        return Entry(folder.name, "foreign", begun, why=f"neither {DOCUMENT} nor {TRIALS}")
    return Entry(folder.name, "damaged", begun, why=why)


def _of_document(folder: Path) -> Entry:
    document = _without_trials(folder / DOCUMENT)
    if document.get("schema") != SCHEMA:
        raise DamagedError(f"is not {SCHEMA!r}", "schema")
    head = decode(_Head, document)
    ran, ranked = sum(row.trials for row in head.summary), sum(row.ranked for row in head.summary)
    wanted = _wanted(head) or ran
    stopped = head.stopped is not None or any(notice.code == "stopped" for notice in head.warnings)
    why = ""
    if stopped or ran < wanted:
        why = f"{ran}/{wanted} ran"
    elif ranked < ran and head.mode != "trace":
        why = f"{ranked}/{ran} ranked"
    return Entry(
        id=folder.name,
        state="incomplete" if why else "complete",
        started_at=head.started_at,
        mode=head.mode,
        approaches=tuple(dict.fromkeys(row.approach for row in head.summary if row.approach != BASELINE)),
        scenarios=tuple(dict.fromkeys(row.scenario for row in head.summary)),
        grid=_grid(head),
        runtime=head.environment.runtime,
        trials=ran,
        verdict=_verdict(head.summary),
        why=why,
        rerun_of=head.rerun_of,
    )


def _wanted(head: _Head) -> int | None:
    """How many trials were planned that could run here; traced ones are not ranked, and not in the summary."""
    if head.plan is None:
        return None
    unavailable = head.unavailable or {}
    return sum(
        label(trial.approach, block.interpreter) not in unavailable and trial.traced == (head.mode == "trace")
        for block in head.plan.blocks
        for trial in block.trials
    )


def _grid(head: _Head) -> str:
    """What was varied and what was not: ``9 requests · 1,3,9 sync workers · 1 s``."""
    servers = [row.server for row in head.summary]
    loads = [row.load for row in head.summary if isinstance(row.load, Load)]
    shapes = [row.load for row in head.summary if isinstance(row.load, SavedLoad)]
    classes = ",".join(dict.fromkeys(server.worker_class for server in servers))
    rates = [load.rate for load in shapes if load.rate is not None]
    limits = {load.limit for load in loads}
    parts = [
        f"{_numbers(rates)} a second" if rates else "",
        _axis([load.users for load in shapes], "user") if shapes and not rates else "",
        _axis([load.requests for load in loads], "request") if loads else "",
        _axis([server.workers for server in servers], f"{classes} worker"),
        f"{_numbers(server.delay_s for server in servers)} s",
        f"limit {_numbers(limits)}" if len(limits) > 1 else "",
        *dict.fromkeys(row.interpreter or "" for row in head.summary),
    ]
    return SEPARATOR.join(filter(None, parts))


def _axis(values: Sequence[int], noun: str) -> str:
    """``1 worker``, ``3 workers``, ``1,3 workers``."""
    return plural(values[0], noun) if len(set(values)) == 1 else f"{_numbers(values)} {noun}s"


def _numbers(values: Iterable[float]) -> str:
    return ",".join(f"{value:g}" for value in sorted(set(values)))


def _verdict(rows: Sequence[_Row]) -> str:
    """Who is the fastest, at how many of the grid points where that is not all; else what is said of all of them."""
    rows = [row for row in rows if row.approach != BASELINE] or list(rows)
    points = {(row.scenario, row.server, row.load, row.interpreter) for row in rows}
    fastest = Counter(row.approach for row in rows if row.verdict == FASTEST)
    if fastest:
        name, times = fastest.most_common(1)[0]
        return f"{name} fastest" if times == len(points) else f"{name} fastest at {times} of {len(points)}"
    verdicts = list(dict.fromkeys(row.verdict for row in rows))
    return NO_CLEAR_WINNER if NO_CLEAR_WINNER in verdicts else ", ".join(verdicts)


def _cut_off(folder: Path, begun: str, state: Literal["cut off", "running"]) -> Entry:
    """Of what never ended: how many trials there are, and of whom. Raises `Damaged`."""
    approaches: Counter[str] = Counter()
    mode = "compare"
    with (folder / TRIALS).open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                approaches[_first_value(line)] += 1
                mode = "load" if b'"load": {"mode": ' in line else mode
    names = tuple(name for name in approaches if name != BASELINE)
    why = "goes on yet" if state == "running" else "cut off"
    return Entry(folder.name, state, begun, mode, names, trials=approaches.total(), why=why)


def _first_value(line: bytes) -> str:
    """The approach, with which the lab begins each trial's line: the rest of it is not parsed."""
    start = line.find(b": ") + 2
    try:
        name, _ = json.JSONDecoder().raw_decode(line[start : start + 200].decode("utf-8", "replace"))
    except ValueError as error:
        raise DamagedError("has a line that is no trial", TRIALS) from error
    if not line.startswith(b'{"approach": ') or not isinstance(name, str):
        raise DamagedError("has a line that is no trial", TRIALS)
    return name


def _without_trials(path: Path) -> dict[str, Any]:
    """The document, with no trials in it. Raises ValueError where it is no JSON, or cut off."""
    with path.open("rb") as file:
        if path.stat().st_size == 0:
            raise DamagedError("is empty")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            start, end = mapped.find(BEFORE), mapped.rfind(AFTER)
            whole = mapped[:start] + b'\n "trials": [],' + mapped[end:] if 0 <= start < end else mapped[:]
    tree = json.loads(whole)
    if not isinstance(tree, dict):
        raise DamagedError("is not an object")
    return tree
