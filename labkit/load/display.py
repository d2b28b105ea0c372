"""What a person sees while a load runs: live figures on a terminal, otherwise nothing but notes."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Protocol, Self, TextIO

from labkit.model.load import LoadPlan, LoadTrial, Now
from labkit.output.plain import PlainOutput, can_redraw


class Display(Protocol):
    """Told by whoever runs loads what happens, in this order; leaving the context ends the display in any case."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def note(self, text: str) -> None:
        """Something worth a line of its own, such as that an image is being built."""

    def begin(self, plan: LoadPlan, steps: int | None) -> None:
        """The load's turn has come. It is one of at most `steps`, or the only one (None)."""

    def now(self, now: Now) -> None:
        """The figures of the load so far."""

    def over(self, trial: LoadTrial) -> None:
        """The load is over."""

    def end(self) -> None:
        """Nothing more will come."""


class Silent(PlainOutput):
    """Prints notes, and nothing else."""

    def begin(self, plan: LoadPlan, steps: int | None) -> None: ...

    def now(self, now: Now) -> None: ...

    def over(self, trial: LoadTrial) -> None: ...


def make_display(stream: TextIO | None = None, environ: Mapping[str, str] = os.environ) -> Display:
    """The display for `stream`, standard error unless given: live only on a terminal that can move its cursor."""
    stream = sys.stderr if stream is None else stream
    if not can_redraw(stream, environ):
        return Silent(stream)
    from labkit.load.live import Live  # noqa: PLC0415 - drawing is not for those who only want to know how

    return Live(stream, colour=not environ.get("NO_COLOR"))
