"""Wheels that `lab.py unpack` has put into the checkout: with them a set-up needs no network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.setup.marker import identity

if TYPE_CHECKING:
    from pathlib import Path


def folder(state: Path, lock: str, python: str = "") -> Path:
    """Where in `.lab` the wheels for a lock file with this SHA-256 and for this Python, or the running one, are.

    Another lock or another Python has another folder, so what is found is all that is needed.
    """
    return state / "wheels" / f"{lock[:16]}-{(python or identity()).replace(' ', '-')}"


def options(state: Path, lock: str) -> list[str]:
    """Pip's options for them; none where they are not there."""
    here = folder(state, lock)
    return ["--no-index", "--find-links", str(here)] if here.is_dir() else []
