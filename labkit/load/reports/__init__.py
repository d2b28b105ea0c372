"""What a load says, in several formats: each is one module here with `render(run, page) -> str`.

As with a comparison's reports, a new format is a new file, and a format is imported when it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol, cast

from labkit.load.model import LoadRun
from labkit.reports import Page


class Report(Protocol):
    """A format's module."""

    def render(self, run: LoadRun, page: Page) -> str:
        """The whole report, without a newline at its end."""


def names() -> tuple[str, ...]:
    """The names of all formats."""
    return tuple(sorted(_modules()))


def load(name: str) -> Report:
    """The format called `name`. Raises KeyError for one that is not there."""
    return cast("Report", import_module(f"{__name__}.{_modules()[name]}"))


def _modules() -> dict[str, str]:
    return {module.name.rstrip("_"): module.name for module in iter_modules(__path__) if not module.ispkg}
