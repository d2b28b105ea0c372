"""The page of a report: the terminal or file that it is printed to."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO


@dataclass(frozen=True, slots=True)
class Page:
    """A page of `width` columns (None: no limit). `saved` is the place of the result."""

    width: int | None = None
    colour: bool = False
    saved: str | None = None


def page(stream: TextIO, saved: str | None = None, environ: Mapping[str, str] = os.environ) -> Page:
    """Return the page of `stream`: a terminal has a width, and colours unless NO_COLOR or TERM=dumb forbid them."""
    if not stream.isatty():
        return Page(saved=saved)
    # An old Windows console prints the bytes of escape sequences.
    knows_colours = os.name != "nt" or "WT_SESSION" in environ
    colour = knows_colours and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    try:
        width = os.get_terminal_size(stream.fileno()).columns
    except OSError:
        width = 0
    return Page(width or 80, colour, saved)


def show(text: str) -> None:
    """Print a report; characters that the encoding of the terminal lacks become question marks."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    print(text)
