"""What a comparison says, in several formats: each is one module here with `render(comparison, page) -> str`.

A new format is a new file; its name, without an underscore that keeps it apart from the standard library's, is what
``--format`` takes. `parts` holds what formats share. A format is imported when it is asked for: drawing a table needs
more than naming it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TextIO, cast

from labkit import formats
from labkit.model import Comparison

DEFAULT = "table"


@dataclass(frozen=True, slots=True)
class Page:
    """What a report is written on: `width` columns, or as wide as it likes (None); `saved` says where the result is."""

    width: int | None = None
    colour: bool = False
    saved: str | None = None


class Report(Protocol):
    """A format's module."""

    def render(self, comparison: Comparison, page: Page) -> str:
        """The whole report, without a newline at its end."""


def names() -> tuple[str, ...]:
    """The names of all formats."""
    return formats.names(__path__)


def load(name: str) -> Report:
    """The format called `name`. Raises KeyError for one that is not there."""
    return cast("Report", formats.load(__name__, __path__, name))


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
