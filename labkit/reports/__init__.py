"""Reports of results: `content` builds blocks and documents, and each module of `formats` renders them.

A new format is a new module in `formats`; it then serves comparisons, loads, diffs, the history and the doctor.
Nothing here imports more than the standard library, because the doctor runs before the set-up.
"""

from __future__ import annotations

from typing import Any, Protocol

from labkit.output.page import Page
from labkit.reports import formats
from labkit.reports.blocks import Block
from labkit.system.plugins import Plugins

DEFAULT = "table"


class Report(Protocol):
    """One result, in the shapes that formats need; each is built when a format asks for it."""

    def blocks(self) -> tuple[Block, ...]:
        """The report for people."""

    def document(self) -> dict[str, Any]:
        """The report for programs, ready for JSON."""

    def rows(self) -> list[dict[str, Any]]:
        """The document's main list as records with the same fields; a nested field is a dictionary."""


class Format(Protocol):
    """A module of `labkit.reports.formats`."""

    def render(self, report: Report, page: Page) -> str:
        """Return the whole text, without a newline at its end."""


_FORMATS = Plugins[Format](formats.__name__)
names = _FORMATS.names


def render(report: Report, name: str, page: Page) -> str:
    """Render `report` in the format called `name`. Raises KeyError if there is no such format."""
    return _FORMATS.load(name).render(report, page)
