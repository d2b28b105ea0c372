"""Image names: a tag is a hash of everything that goes into the image, so changed sources have another tag."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from labkit.model.errors import UsageError
from labkit.system.checkout import ROOT

IMAGE = "concurrency-lab"
DEFAULT_BASE = "python:3.14-slim"
# Python and the packages: the slow part of a build, and the only one that needs a network.
INTO_ENVIRONMENT = ("Dockerfile", ".dockerignore", "requirements/image.txt", "labkit/setup/wheels.py")
INTO_IMAGE = (*INTO_ENVIRONMENT, "server", "clients", "loadtest")
_ENVIRONMENT = "environment-"
_REFERENCE = re.compile(r"[a-z0-9][\w./:@-]*")


def source_hash(root: Path = ROOT, base: str | None = None) -> str:
    """The image's tag: twelve hexadecimal digits that depend on everything in the image.

    `base` is the base image if it differs from LAB_BASE_IMAGE; "" is the default one.
    """
    return _hash(INTO_IMAGE, root, base)


def environment_tag(root: Path = ROOT, base: str | None = None) -> str:
    """The tag of the image without the lab's own code, on which the other is built."""
    return _ENVIRONMENT + _hash(INTO_ENVIRONMENT, root, base)


def suffix(base: str | None) -> str:
    """The end of both tags for images on `base`; empty for the lab's own base image.

    Raises `UsageError` if `base` cannot be the name of an image.
    """
    if base is None:
        return ""
    if not _REFERENCE.fullmatch(base):
        raise UsageError(
            f"--python {base}: with Docker, --python takes the name of a base image, such as {DEFAULT_BASE}",
            "Add --runtime local for an interpreter of this machine.",
        )
    return f"-{hashlib.sha256(base.encode()).hexdigest()[:8]}"


def is_current(tag: str) -> bool:
    """True if an image with this tag was built from the checkout as it is now, on any base image."""
    current = environment_tag() if tag.startswith(_ENVIRONMENT) else source_hash()
    return tag == current or tag.startswith(f"{current}-")


def _hash(names: Iterable[str], root: Path, base: str | None) -> str:
    digest = hashlib.sha256((os.environ.get("LAB_BASE_IMAGE", "") if base is None else base).encode())
    for path in sorted(_files(names, root)):
        digest.update(f"\0{path.relative_to(root).as_posix()}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _files(names: Iterable[str], root: Path) -> Iterable[Path]:
    for name in names:
        path = root / name
        if path.is_dir():
            yield from (each for each in path.rglob("*") if each.is_file() and _is_source(each.relative_to(path)))
        else:
            yield path


def _is_source(path: Path) -> bool:
    """True if a file is a source, not one of an editor, the system or the interpreter."""
    hidden = any(part.startswith(".") or part == "__pycache__" for part in path.parts)
    return not hidden and not path.name.endswith("~")
