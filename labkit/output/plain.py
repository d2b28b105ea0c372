"""What a person is told on standard error where nothing can be drawn: notes, a line each."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Self, TextIO

from labkit.output.format import sanitize


class PlainOutput:
    """Prints notes as plain lines on `stream`, and nothing else. A display of nothing, to be entered and left."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def note(self, text: str) -> None:
        for line in text.splitlines():
            print(sanitize(line), file=self._stream, flush=True)

    def end(self) -> None: ...


def can_redraw(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether `stream` is a terminal that can move its cursor."""
    return stream.isatty() and environ.get("TERM") != "dumb"
