"""What images are called: a tag stands for all that goes into an image, so another source has another tag."""

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
# Python and the packages: the slow part, and the only one that needs a network.
INTO_ENVIRONMENT = ("Dockerfile", ".dockerignore", "requirements/image.txt", "labkit/setup/wheels.py")
INTO_IMAGE = (*INTO_ENVIRONMENT, "server", "clients", "loadtest")
_ENVIRONMENT = "environment-"
_REFERENCE = re.compile(r"[a-z0-9][\w./:@-]*")


def source_hash(root: Path = ROOT, base: str | None = None) -> str:
    """Twelve hexadecimal digits that stand for all that goes into the image: its tag.

    `base` is the base image where it is not what LAB_BASE_IMAGE says; "" is the usual one.
    """
    return _hash(INTO_IMAGE, root, base)


def environment_tag(root: Path = ROOT, base: str | None = None) -> str:
    """The tag of the image without the lab's own code, on which the other is built."""
    return _ENVIRONMENT + _hash(INTO_ENVIRONMENT, root, base)


def suffix(base: str | None) -> str:
    """What both tags end with when the images are built on `base`; nothing for the lab's own base image.

    Raises `UsageError` for what cannot be the name of one.
    """
    if base is None:
        return ""
    if not _REFERENCE.fullmatch(base):
        raise UsageError(
            f"--python {base}: with Docker that is the name of a base image, such as {DEFAULT_BASE}",
            "Add --runtime local for an interpreter of this machine.",
        )
    return f"-{hashlib.sha256(base.encode()).hexdigest()[:8]}"


def is_current(tag: str, root: Path = ROOT) -> bool:
    """Whether an image with this tag is one of the checkout as it is now, on whatever base image."""
    current = environment_tag(root) if tag.startswith(_ENVIRONMENT) else source_hash(root)
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
    """Whether a file is no editor's, no system's and no interpreter's."""
    own = not any(part.startswith(".") or part == "__pycache__" for part in path.parts)
    return own and not path.name.endswith("~")
