"""What a comparison says, in several formats: each is one module here with `render(comparison, page) -> str`.

A new format is a new file; its name, without an underscore that keeps it apart from the standard library's, is what
``--format`` takes. `parts` holds what formats share. A format is imported when it is asked for: drawing a table needs
more than naming it.
"""

from __future__ import annotations

from typing import Protocol

from labkit.model import Comparison
from labkit.output.page import Page
from labkit.system.plugins import Plugins

DEFAULT = "table"


class Report(Protocol):
    """A format's module."""

    def render(self, comparison: Comparison, page: Page) -> str:
        """The whole report, without a newline at its end."""


_PLUGINS = Plugins[Report](__name__)
names, load = _PLUGINS.names, _PLUGINS.load
