"""What a load says, in several formats: each is one module here with `render(run, page) -> str`.

As with a comparison's reports, a new format is a new file, and a format is imported when it is asked for.
"""

from __future__ import annotations

from typing import Protocol

from labkit.model.load import LoadRun
from labkit.output.page import Page
from labkit.system.plugins import Plugins


class Report(Protocol):
    """A format's module."""

    def render(self, run: LoadRun, page: Page) -> str:
        """The whole report, without a newline at its end."""


_PLUGINS = Plugins[Report](__name__)
names, load = _PLUGINS.names, _PLUGINS.load
