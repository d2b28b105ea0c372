"""Progress on standard error while something runs: drawn on a terminal, otherwise notes alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Protocol, Self, TextIO

from labkit.output.events import Event
from labkit.output.format import sanitize


class Progress(Protocol):
    """A context manager that receives events in order; leaving it restores the terminal."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def note(self, text: str) -> None:
        """Print `text` on lines of its own, as when an image is built."""

    def show(self, event: Event) -> None:
        """Draw the state after `event`, if this display draws."""


class PlainProgress:
    """Prints notes, and nothing else."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def note(self, text: str) -> None:
        for line in text.splitlines():
            print(sanitize(line), file=self._stream, flush=True)

    def show(self, event: Event) -> None: ...


def make_progress(stream: TextIO | None = None, environ: Mapping[str, str] = os.environ) -> Progress:
    """The display for `stream`, by default standard error: live only on a terminal that can move its cursor."""
    stream = sys.stderr if stream is None else stream
    if not can_redraw(stream, environ):
        return PlainProgress(stream)
    from labkit.output.screen import Screen  # noqa: PLC0415 - plain output does not pay for importing rich

    return Screen(stream, colour=not environ.get("NO_COLOR"))


def can_redraw(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """True if `stream` is a terminal that can move its cursor."""
    return stream.isatty() and environ.get("TERM") != "dumb"
