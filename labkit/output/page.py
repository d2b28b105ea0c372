"""The page that a report is written on, and how it is printed."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO


@dataclass(frozen=True, slots=True)
class Page:
    """What a report is written on: `width` columns, or as wide as it likes (None); `saved` says where the result is."""

    width: int | None = None
    colour: bool = False
    saved: str | None = None


def page(stream: TextIO, saved: str | None = None, environ: Mapping[str, str] = os.environ) -> Page:
    """The page that `stream` is: a terminal has a width, and colours unless NO_COLOR or TERM=dumb forbid them."""
    if not stream.isatty():
        return Page(saved=saved)
    # An old Windows console prints colours as the bytes that they are made of.
    knows_colours = os.name != "nt" or "WT_SESSION" in environ
    colour = knows_colours and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    try:
        width = os.get_terminal_size(stream.fileno()).columns
    except OSError:
        width = 0
    return Page(width or 80, colour, saved)


def show(text: str) -> None:
    """Print a report. A table has lines and signs that not every encoding has."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    print(text)
