"""A saved result: a comparison or a load, complete or cut off before the lab could write its document."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from msgspec import ValidationError, json

from labkit.model import Comparison, Environment, Notice
from labkit.model.errors import UsageError
from labkit.model.load import LoadRun
from labkit.results import read_comparison, read_load
from labkit.results.document import SCHEMA
from labkit.results.store import DOCUMENT, TRIALS, whole_lines

UNKNOWN = Environment(
    runtime="unknown",
    runtime_reason="cut off before that was written",
    python=None,
    docker=None,
    compose=None,
    cpus=None,
    memory_bytes=None,
    kernel="",
    images={},
    packages={},
    git_commit=None,
)


@dataclass(frozen=True, slots=True)
class _Kind:
    """The fields that decide how a document is decoded."""

    schema: str
    mode: str = "compare"


@dataclass(frozen=True, slots=True)
class _TrialKind:
    """The same for a line of trials.jsonl: a load test's `load` has a mode."""

    load: dict[str, int | float | str | None]


def read(path: Path) -> Comparison | LoadRun:
    """Read the result in `path`, a results folder or a document. Raises `UsageError`, which names the damage."""
    file = path / DOCUMENT if path.is_dir() else path
    if cut_off := path.is_dir() and not file.exists():
        file = path / TRIALS
        if not file.exists():
            raise UsageError(f"{path} holds no result: there is neither {DOCUMENT} nor {TRIALS}")
    try:
        result = _unfinished(file) if cut_off else _finished(file)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file} is damaged: {error}", "Run it again; this does not affect other results.") from error
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error
    if not result.trials:
        raise UsageError(f"{path} holds no trial: it was cut off before the first one ended, or is still running")
    return result


def _finished(file: Path) -> Comparison | LoadRun:
    data = file.read_bytes()
    try:
        kind = json.decode(data, type=_Kind)
    except ValidationError as error:
        raise UsageError(f"{file} is not a result of this lab: {error}") from error
    if kind.schema != SCHEMA:
        raise UsageError(f"{file} has the schema {kind.schema!r}; this lab reads {SCHEMA!r}")
    return read_load.decode_load(data) if kind.mode == "load" else read_comparison.decode_comparison(data)


def _unfinished(file: Path) -> Comparison | LoadRun:
    """A result from its trials and the name of its folder; unknown values are empty, and a notice lists them."""
    lines, name = whole_lines(file), file.resolve().parent.name
    started = started_at(name)
    if lines and "mode" in json.decode(lines.splitlines()[0], type=_TrialKind).load:
        loads = tuple(read_load.TRIAL.decode_lines(lines))
        notices = (_notice("load", len(loads)),)
        return read_load.restore(read_load.SavedLoadRun(name, started, "", 0, UNKNOWN, loads, (), None, None, notices))
    trials = tuple(read_comparison.TRIAL.decode_lines(lines))
    notices = (_notice("comparison", len(trials)),)
    return read_comparison.restore(read_comparison.SavedComparison(name, started, "", 0, UNKNOWN, trials, (), notices))


def started_at(name: str) -> str:
    """Read the time of the start from a folder's name; empty for a folder that was renamed."""
    try:
        started = datetime.strptime(name[: len("20261122-120000")], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return ""
    return started.isoformat(timespec="seconds")


def _notice(what: str, trials: int) -> Notice:
    return Notice(
        "cut_off",
        f"this {what} was cut off or is still running (saved trials: {trials}):"
        " its command, seed, environment and remaining plan are unknown",
        f"Run the {what} again to get all of it.",
    )
