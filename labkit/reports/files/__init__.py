"""A comparison as a file for another program: each format is one module here with `FILE` and `write(analysis, to)`.

As with reports, a new format is a new file, and its name, without an underscore at its end, is what ``--format`` takes.
`FILE` is what it is called beside the result; a format without one goes to standard output. A format is imported when
it is asked for.
"""

from __future__ import annotations

from typing import BinaryIO, Protocol

from labkit.analysis.analyse import Analysis
from labkit.system.plugins import Plugins


class Export(Protocol):
    """A format's module."""

    FILE: str | None

    def write(self, analysis: Analysis, to: BinaryIO) -> None:
        """Write all of a comparison `to` a file that is open."""


_PLUGINS = Plugins[Export](__name__)
names, load = _PLUGINS.names, _PLUGINS.load
