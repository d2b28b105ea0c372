"""Which saved result a person means."""

from __future__ import annotations

from pathlib import Path

from labkit.model.errors import UsageError, nearest
from labkit.results.read import DOCUMENT, TRIALS

LATEST = "latest"


def find(wanted: str, results: Path) -> Path:
    """The folder or the document that `wanted` names: a path, the name of a folder in `results`, or ``latest``.

    Raises `UsageError` where there is none.
    """
    names = _names(results)
    if wanted == LATEST:
        if not names:
            raise UsageError(f"there is no result in {results}", "`python lab.py compare` makes one.")
        return results / names[-1]
    if wanted in names:
        return results / wanted
    path = Path(wanted)
    if path.exists():
        return path
    raise UsageError(
        f"there is no result {wanted!r}{nearest(wanted, [LATEST, *names])}",
        f"Name a results folder, a {DOCUMENT}, one of the {len(names)} folders in {results}, or {LATEST}.",
    )


def _names(results: Path) -> list[str]:
    """The folders in `results` that hold something, the newest last: their names begin with the time."""
    folders = results.iterdir() if results.is_dir() else ()
    return sorted(folder.name for folder in folders if any((folder / name).exists() for name in (DOCUMENT, TRIALS)))
