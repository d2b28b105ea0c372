"""What saved comparisons differ in, in several formats: each is one module here with `render(found, page) -> str`.

A new format is a new file, as in `labkit.reports`; `parts` holds what formats share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from labkit.system.plugins import Plugins

if TYPE_CHECKING:
    from labkit.analysis.diff import Pair, Several
    from labkit.output.page import Page

# Two runs of one thing never meet quite the same machine: its other work, its clock and its caches drift between them.
# benchmarks/no_difference.py shows by how much.
LEAST_PERCENT = 5.0


class Diff(Protocol):
    """A format's module."""

    def render(self, found: Pair | Several, page: Page) -> str:
        """The whole report, without a newline at its end."""


_PLUGINS = Plugins[Diff](__name__)
names, load = _PLUGINS.names, _PLUGINS.load
