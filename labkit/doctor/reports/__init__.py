"""An examination in several formats: each is one module here with `render(examination, page) -> str`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from labkit.system.plugins import Plugins

if TYPE_CHECKING:
    from labkit.model.finding import Examination
    from labkit.output.page import Page


class Report(Protocol):
    """A format's module."""

    def render(self, examination: Examination, page: Page) -> str:
        """The whole report, without a newline at its end."""


_PLUGINS = Plugins[Report](__name__)
names, load = _PLUGINS.names, _PLUGINS.load
