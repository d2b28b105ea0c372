"""Locate a saved result."""

from __future__ import annotations

from pathlib import Path

from labkit.model.errors import UsageError, nearest
from labkit.results.store import DOCUMENT, TRIALS

LATEST = "latest"


def locate(name: str, results: Path) -> Path:
    """Return the results folder or document that `name` means: ``latest``, a folder in `results`, or a path.

    Raises `UsageError` for a name without a result.
    """
    names = _names(results)
    if name == LATEST:
        if not names:
            raise UsageError(f"there is no result in {results}", "`python lab.py compare` makes one.")
        return results / names[-1]
    if name in names:
        return results / name
    path = Path(name)
    if path.exists():
        return path
    raise UsageError(
        f"there is no result {name!r}{nearest(name, [LATEST, *names])}",
        f"Name a results folder, a {DOCUMENT}, one of the {len(names)} folders in {results}, or {LATEST}.",
    )


def _names(results: Path) -> list[str]:
    """The folders in `results` that hold a result, the newest last: their names begin with the time."""
    folders = results.iterdir() if results.is_dir() else ()
    return sorted(folder.name for folder in folders if any((folder / name).exists() for name in (DOCUMENT, TRIALS)))
