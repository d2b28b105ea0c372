"""Wheels that `lab.py unpack` has put into the checkout; with them a set-up needs no network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.setup.marker import identity

if TYPE_CHECKING:
    from pathlib import Path


def folder(state: Path, lock: str, python: str = "") -> Path:
    """The folder in `.lab` with the wheels for a lock file with this SHA-256, for `python` or the running Python.

    Each lock file and each Python has a folder of its own, so a folder that exists is complete.
    """
    return state / "wheels" / f"{lock[:16]}-{(python or identity()).replace(' ', '-')}"


def options(state: Path, lock: str) -> list[str]:
    """Pip's options to install these wheels; empty if there are none."""
    wheels = folder(state, lock)
    return ["--no-index", "--find-links", str(wheels)] if wheels.is_dir() else []
