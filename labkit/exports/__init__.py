"""A comparison as a file for another program: each format is one module here with `FILE` and `write(document, to)`.

As with reports, a new format is a new file, and its name, without an underscore at its end, is what ``--format`` takes.
`FILE` is what it is called beside the result; a format without one goes to standard output. A format is imported when
it is asked for.
"""

from __future__ import annotations

from typing import Any, BinaryIO, Protocol

from labkit.system.plugins import Plugins


class Export(Protocol):
    """A format's module."""

    FILE: str | None

    def write(self, document: dict[str, Any], to: BinaryIO) -> None:
        """Write all of a comparison's document `to` a file that is open."""


_PLUGINS = Plugins[Export](__name__)
names, load = _PLUGINS.names, _PLUGINS.load
