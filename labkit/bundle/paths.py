"""The names that members of a bundle may have: nothing that leaves its folder, on any system."""

from __future__ import annotations

import re
from collections.abc import Iterable

# What of a checkout goes into a bundle, and what alone may come out of one.
PARTS = (
    *("lab.py", "labkit", "clients", "server", "loadtest", "requirements", "tests", "benchmarks", "docs"),
    *(
        "compose.yaml",
        "Dockerfile",
        ".dockerignore",
        ".gitignore",
        ".gitattributes",
        ".ci",
        ".devcontainer",
        "pyproject.toml",
    ),
    *("README.md", "README.ja.md", "LICENSE", "CONTRIBUTING.md", "CHANGELOG.md"),
)
MAIN, MANIFEST = "__main__.py", "manifest.json"
CHECKOUT, WHEELS, IMAGE = "checkout/", "wheels/", "image/"
LONGEST = 200
# No colon, backslash or control character, and no name that ends with a dot or a space: Windows reads those otherwise.
_PIECE = re.compile(r"[A-Za-z0-9_.+,@-](?:[A-Za-z0-9_.+,@ -]*[A-Za-z0-9_+,@-])?")
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)


def is_part(path: str) -> bool:
    """Whether `path`, relative to a checkout, is that of a file which belongs into a bundle."""
    pieces = path.split("/")
    return (
        pieces[0] in PARTS
        and len(path) <= LONGEST
        and all(_PIECE.fullmatch(piece) and not _DEVICE.fullmatch(piece) for piece in pieces)
        and not any(set(piece) == {"."} for piece in pieces)
    )


def complaint(name: str) -> str | None:
    """What is wrong with the name of a member; None for one that may be unpacked."""
    if name in {MAIN, MANIFEST}:
        return None
    for folder in (WHEELS, IMAGE):
        if name.startswith(folder) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,180}", name.removeprefix(folder)):
            return None
    if name.startswith(CHECKOUT) and is_part(name.removeprefix(CHECKOUT)):
        return None
    return f"it has a member with the name {name[:LONGEST]!r}, which none of the lab's bundles has"


def repeated(names: Iterable[str]) -> str | None:
    """A name that is there twice, or twice on a disk that does not tell capitals from small letters."""
    seen: set[str] = set()
    for name in names:
        if name.casefold() in seen:
            return name
        seen.add(name.casefold())
    return None
