"""The checkout's own files: which of them go into a bundle, and whether a checkout is the one in a bundle."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from labkit.bundle import paths
from labkit.bundle.manifest import Manifest
from labkit.model.errors import LabError
from labkit.runtime import tags

LOCK = "requirements/lab.txt"
_NOT_OURS = {"__pycache__", "node_modules"}


def of_checkout(root: Path) -> list[str]:
    """The files of a checkout, relative to it, with slashes. Raises `LabError` for a name that cannot be packed."""
    found: list[str] = []
    for part in paths.PARTS:
        place = root / part
        inside = sorted(place.rglob("*")) if place.is_dir() else [place]
        found += [each.relative_to(root).as_posix() for each in inside if each.is_file() and not _cached(each)]
    for name in found:
        if not paths.is_part(name):
            raise LabError(f"{name} cannot be packed: not every system takes such a name", "Rename it or move it away.")
    if (twice := paths.repeated(found)) is not None:
        raise LabError(f"{twice} cannot be packed: there is another of that name but for capitals", "Rename one.")
    return found


def is_executable(path: Path) -> bool:
    """Whether a file may be run; where the system does not say, a file that begins like a script may."""
    if sys.platform == "win32":
        return path.read_bytes()[:2] == b"#!"
    return bool(path.stat().st_mode & 0o100)


def lock_of(root: Path) -> str:
    """The SHA-256 of a checkout's requirements file for the local runtime."""
    return hashlib.sha256((root / LOCK).read_bytes()).hexdigest()


def is_same(root: Path, manifest: Manifest) -> bool:
    """Whether a checkout would run with exactly this bundle's image and wheels."""
    try:
        return lock_of(root) == manifest.lock and tags.source_hash(root, base="") == manifest.images[0].tag
    except OSError:
        return False


def _cached(path: Path) -> bool:
    return bool(_NOT_OURS & set(path.parts)) or path.suffix == ".pyc"
