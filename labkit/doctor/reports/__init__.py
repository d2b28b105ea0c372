"""An examination in several formats: each is one module here with `render(examination, page) -> str`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from labkit.system import plugins

if TYPE_CHECKING:
    from labkit.doctor.examination import Examination
    from labkit.output.page import Page


class Report(Protocol):
    """A format's module."""

    def render(self, examination: Examination, page: Page) -> str:
        """The whole report, without a newline at its end."""


def names() -> tuple[str, ...]:
    """The names of all formats."""
    return plugins.names(__path__)


def load(name: str) -> Report:
    """The format called `name`. Raises KeyError for one that is not there."""
    return cast("Report", plugins.load(__name__, __path__, name))
