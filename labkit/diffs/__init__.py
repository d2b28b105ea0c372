"""What saved comparisons differ in, in several formats: each is one module here with `render(found, page) -> str`.

A new format is a new file, as in `labkit.reports`; `parts` holds what formats share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from labkit.system import plugins

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


def names() -> tuple[str, ...]:
    """The names of all formats."""
    return plugins.names(__path__)


def load(name: str) -> Diff:
    """The format called `name`. Raises KeyError for one that is not there."""
    return cast("Diff", plugins.load(__name__, __path__, name))
