"""Live progress on a terminal: lines at the bottom that are redrawn, below lines that stay."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Self, TextIO

import rich.live
from rich.console import Console, RenderableType
from rich.text import Text

from labkit.model import Plan
from labkit.output.comparison_view import ComparisonView
from labkit.output.events import Event, LoadStep
from labkit.output.format import sanitize
from labkit.output.lines import packed
from labkit.output.load_view import LoadView

# Often enough to follow, and rare enough not to slow down the measured trials.
REDRAWS_PER_SECOND = 4


class Screen:
    """Draws events on `stream`, a terminal. An event only updates the view; another thread draws the view."""

    def __init__(self, stream: TextIO, *, colour: bool = True, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._view: ComparisonView | LoadView | None = None
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

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def note(self, text: str) -> None:
        for line in text.splitlines():
            self._console.print(Text(sanitize(line)))

    def show(self, event: Event) -> None:
        if isinstance(event, Plan):
            self._view = ComparisonView(event, self._clock)
        elif isinstance(event, LoadStep):
            self._view = LoadView(event)
        assert self._view is not None, "the first event is a plan or a step"
        self._live.start()
        for line in self._view.update(event, self._console.width):
            self._console.print(line)

    def _drawing(self) -> RenderableType:
        items = [] if self._view is None else self._view.items()
        return Text("\n").join(packed(items, self._console.width))
