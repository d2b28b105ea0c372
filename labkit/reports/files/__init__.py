"""File formats of a comparison: each is one module here with `FILE` and `write(analysis, to)`.

A new format is a new file, and ``lab.py report --format`` takes its name. A format is imported when it is used.
"""

from __future__ import annotations

from typing import BinaryIO, Protocol

from labkit.analysis.analyse import Analysis
from labkit.system.plugins import Plugins


class FileFormat(Protocol):
    """One format. `FILE` is the name of the file beside the result; None for a format for standard output."""

    FILE: str | None

    def write(self, analysis: Analysis, to: BinaryIO) -> None:
        """Write the whole comparison to the open file `to`."""


_PLUGINS = Plugins[FileFormat](__name__)
names, load = _PLUGINS.names, _PLUGINS.load
