"""The checkout's own files: those that belong into a bundle, and whether a checkout matches a bundle."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from labkit.bundle import paths
from labkit.bundle.manifest import Manifest
from labkit.model.errors import LabError
from labkit.runtime import tags

LOCK = "requirements/lab.txt"
_EXCLUDED = {"__pycache__", "node_modules"}


def files_of(root: Path) -> list[str]:
    """The files of a checkout that belong into a bundle, relative to it, with slashes.

    Raises `LabError` for a name that some system does not accept.
    """
    names: list[str] = []
    for part in paths.PARTS:
        place = root / part
        inside = sorted(place.rglob("*")) if place.is_dir() else [place]
        names += [each.relative_to(root).as_posix() for each in inside if each.is_file() and not _is_cache(each)]
    for name in names:
        if not paths.is_part(name):
            raise LabError(f"{name} cannot be packed: some systems reject this name", "Rename it or move it away.")
    if (twice := paths.duplicate(names)) is not None:
        raise LabError(f"{twice} cannot be packed: another name differs only in upper and lower case", "Rename one.")
    return names


def is_executable(path: Path) -> bool:
    """True if a file is executable or, on Windows, begins like a script."""
    if sys.platform == "win32":
        return path.read_bytes()[:2] == b"#!"
    return bool(path.stat().st_mode & 0o100)


def lock_of(root: Path) -> str:
    """The SHA-256 of a checkout's requirements file for the local runtime."""
    return hashlib.sha256((root / LOCK).read_bytes()).hexdigest()


def matches(root: Path, manifest: Manifest) -> bool:
    """True if a checkout needs exactly the image and the wheels of this bundle."""
    try:
        return lock_of(root) == manifest.lock and tags.source_hash(root, base="") == manifest.images[0].tag
    except OSError:
        return False


def _is_cache(path: Path) -> bool:
    return bool(_EXCLUDED & set(path.parts)) or path.suffix == ".pyc"
