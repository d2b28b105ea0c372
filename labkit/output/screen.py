"""A terminal on which some lines at the bottom are drawn again and again, and lines that stay scroll up above them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self, TextIO

import rich.live
from rich.console import Console, RenderableType
from rich.text import Text

from labkit.output.format import sanitize

# Often enough to follow, and rare enough to cost what is measured nothing.
REDRAWS_PER_SECOND = 4


class Screen(ABC):
    """What happens is only noted down by whoever knows; a thread asks `_drawing` for it a few times a second."""

    def __init__(self, stream: TextIO, *, colour: bool = True) -> None:
        self._console = Console(
            file=stream, force_terminal=True, no_color=not colour, markup=False, highlight=False, emoji=False
        )
        self._live = rich.live.Live(
            console=self._console,
            get_renderable=self._drawing,
            refresh_per_second=REDRAWS_PER_SECOND,
            transient=True,
            redirect_stdout=False,
            vertical_overflow="crop",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def note(self, text: str) -> None:
        for line in text.splitlines():
            self._console.print(Text(sanitize(line)))

    def end(self) -> None:
        self._live.stop()

    @abstractmethod
    def _drawing(self) -> RenderableType:
        """The lines at the bottom, as they are now. Called by another thread."""
