"""What a load says, in several formats: each is one module here with `render(run, page) -> str`.

As with a comparison's reports, a new format is a new file, and a format is imported when it is asked for.
"""

from __future__ import annotations

from typing import Protocol, cast

from labkit.model.load import LoadRun
from labkit.output.page import Page
from labkit.system import plugins


class Report(Protocol):
    """A format's module."""

    def render(self, run: LoadRun, page: Page) -> str:
        """The whole report, without a newline at its end."""


def names() -> tuple[str, ...]:
    """The names of all formats."""
    return plugins.names(__path__)


def load(name: str) -> Report:
    """The format called `name`. Raises KeyError for one that is not there."""
    return cast("Report", plugins.load(__name__, __path__, name))
