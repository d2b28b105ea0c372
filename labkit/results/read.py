"""A result from disk: a comparison or a load, also of a lab that was killed before it could write the document."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labkit.model import Comparison, Environment, Notice
from labkit.model.errors import UsageError
from labkit.model.load import LoadRun
from labkit.output.format import plural
from labkit.results.decode import DamagedError
from labkit.results.document import SCHEMA
from labkit.results.read_comparison import comparison_of
from labkit.results.read_load import load_run_of
from labkit.results.store import saved_trials

DOCUMENT, TRIALS = "result.json", "trials.jsonl"
AGAIN = "Run it again; other results are not touched by that."
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


def read(path: Path) -> Comparison | LoadRun:
    """The result in `path`: a results folder, or a document. Raises `UsageError` with what is wrong with it."""
    file = path / DOCUMENT if path.is_dir() else path
    try:
        result = _cut_off(path) if path.is_dir() and not file.exists() else _result(file)
    except DamagedError as damaged:
        raise UsageError(f"{file} is damaged: {damaged}", AGAIN) from damaged
    except (ValueError, RecursionError) as error:  # no JSON, or no text at all
        raise UsageError(f"{file} is damaged: {error}", AGAIN) from error
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error
    if not result.trials:
        raise UsageError(f"{path} holds no trial: it was cut off before the first one ended, or goes on yet")
    return result


def _result(file: Path) -> Comparison | LoadRun:
    document = json.loads(file.read_bytes())
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA:
        what = f"has the schema {schema!r}" if isinstance(schema, str) else "is no result of this lab"
        raise UsageError(f"{file} {what}; what can be read is {SCHEMA!r}")
    return _by_mode(document)


def _by_mode(document: dict[str, Any]) -> Comparison | LoadRun:
    match document.get("mode"):
        case "compare" | "trace":
            return comparison_of(document)
        case "load":
            return load_run_of(document)
    raise DamagedError("is none of 'compare', 'trace' and 'load'", "mode")


def _cut_off(folder: Path) -> Comparison | LoadRun:
    """What is there of a comparison or a load that never ended: its trials, and what they and the folder's name tell.

    What cannot be known is empty; a notice says so.
    """
    if not (folder / TRIALS).exists():
        raise UsageError(f"{folder} holds no result: there is neither {DOCUMENT} nor {TRIALS}")
    trials = saved_trials(folder)
    is_load = any(isinstance(trial.get("load"), dict) and "mode" in trial["load"] for trial in trials)
    rest: dict[str, Any] = {"thresholds": [], "stopped": None, "knee": None} if is_load else {"summary": []}
    return _by_mode(
        {
            "mode": "load" if is_load else "compare",
            "id": folder.resolve().name,
            "started_at": started_at(folder.resolve().name),
            "command": "",
            "seed": 0,
            "environment": asdict(UNKNOWN),
            "trials": trials,
            "warnings": [asdict(_notice("load" if is_load else "comparison", len(trials)))],
            **rest,
        }
    )


def started_at(name: str) -> str:
    """When a result was begun, by the name of its folder; empty where somebody has renamed it."""
    try:
        started = datetime.strptime(name[: len("20261122-120000")], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return ""
    return started.isoformat(timespec="seconds")


def _notice(what: str, trials: int) -> Notice:
    return Notice(
        "cut_off",
        f"this {what} was cut off, or is still running: {plural(trials, 'trial')} of it "
        f"{'is' if trials == 1 else 'are'} here;"
        " its command, its seed, where it ran and what else was planned are not known",
        f"Run the {what} again for the whole.",
    )
