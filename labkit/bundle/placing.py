"""Puts the extracted parts of a bundle in place, by renaming them within one disk."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from labkit.model.errors import UsageError
from labkit.system.interrupts import ignore_interrupts
from labkit.system.locks import try_lock

LOCK = "held"  # locked by the process that uses the scratch folder


@contextmanager
def scratch_folder(target: Path, *, is_new: bool) -> Iterator[Path]:
    """A folder on the same disk as `target`, removed at the end."""
    place = target.absolute().parent if is_new else target / ".lab"
    place.mkdir(exist_ok=True)
    prefix = f".{target.name}-" if is_new else "unpack-"
    _remove_dead(place, prefix)
    scratch = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
    try:
        with (scratch / LOCK).open("w", encoding="utf-8") as file:
            try_lock(file.fileno())
            yield scratch
    finally:
        with ignore_interrupts():
            shutil.rmtree(scratch, ignore_errors=True)


def _remove_dead(place: Path, prefix: str) -> None:
    """Remove the scratch folders of killed processes."""
    for folder in [each for each in place.iterdir() if each.name.startswith(prefix)]:
        with suppress(OSError):
            with (folder / LOCK).open("r+", encoding="utf-8") as file:
                dead = try_lock(file.fileno())
            if dead:
                shutil.rmtree(folder)


def move(source: Path, target: Path) -> None:
    """Move a folder to `target`. Raises `UsageError` if anything exists there by now."""
    if os.path.lexists(target):
        raise UsageError(f"{target} was created by another program and is left alone", "Name another folder.")
    target.parent.mkdir(parents=True, exist_ok=True)
    source.rename(target)


def replace(source: Path, target: Path) -> None:
    """Move a folder to `target`, replacing one from an earlier `unpack`."""
    if target.is_dir():
        shutil.rmtree(target)
    move(source, target)
