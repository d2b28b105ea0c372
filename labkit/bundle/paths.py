"""The allowed names of a bundle's members: none leaves its folder, on any system."""

from __future__ import annotations

import re
from collections.abc import Iterable

# The parts of a checkout that go into a bundle; nothing else may come out of one.
PARTS = (
    *("lab.py", "labkit", "clients", "server", "loadtest", "requirements", "tests", "benchmarks", "docs"),
    *("compose.yaml", "Dockerfile", "pyproject.toml", ".dockerignore", ".gitignore", ".gitattributes"),
    *(".ci", ".devcontainer", "README.md", "README.ja.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE"),
)
MAIN, MANIFEST = "__main__.py", "manifest.json"
CHECKOUT, WHEELS, IMAGE = "checkout/", "wheels/", "image/"
LONGEST = 200
# No colon, backslash or control character, and no final dot or space: Windows gives them another meaning.
_PIECE = re.compile(r"[A-Za-z0-9_.+,@-](?:[A-Za-z0-9_.+,@ -]*[A-Za-z0-9_+,@-])?")
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,180}")


def is_part(path: str) -> bool:
    """True if `path`, relative to a checkout, belongs into a bundle."""
    pieces = path.split("/")
    return (
        pieces[0] in PARTS
        and len(path) <= LONGEST
        and all(_PIECE.fullmatch(piece) and not _DEVICE.fullmatch(piece) for piece in pieces)
        and not any(set(piece) == {"."} for piece in pieces)
    )


def is_allowed(name: str) -> bool:
    """True if a member with this name may be unpacked."""
    if name.startswith(CHECKOUT):
        return is_part(name.removeprefix(CHECKOUT))
    flat = any(name.startswith(folder) and _FILE.fullmatch(name.removeprefix(folder)) for folder in (WHEELS, IMAGE))
    return flat or name in {MAIN, MANIFEST}


def duplicate(names: Iterable[str]) -> str | None:
    """A name that occurs twice, as on a disk that ignores upper and lower case."""
    seen: set[str] = set()
    for name in names:
        if name.casefold() in seen:
            return name
        seen.add(name.casefold())
    return None
