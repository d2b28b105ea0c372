"""What a person sees while a comparison runs: a live display on a terminal, otherwise nothing but notes."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Protocol, Self, TextIO

from labkit.model import Block, CheckedTrial, Plan, PlannedTrial
from labkit.output.plain import PlainOutput, can_redraw


class Progress(Protocol):
    """Told by whoever runs a plan what happens, in this order; leaving the context ends the display in any case."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def begin(self, plan: Plan) -> None:
        """`plan` will be run."""

    def note(self, text: str) -> None:
        """Something worth a line of its own, such as that an image is being built."""

    def block(self, block: Block) -> None:
        """The block's server and clients are starting."""

    def trial(self, planned: PlannedTrial) -> None:
        """The trial's turn has come. Trials of the block that were passed over cannot run here."""

    def sample(self, in_flight: int | None) -> None:
        """So many requests are in flight now."""

    def trial_done(self, checked: CheckedTrial) -> None:
        """The trial is over."""

    def end(self) -> None:
        """Nothing more will come."""


class PlainProgress(PlainOutput):
    """Prints notes, and nothing else."""

    def begin(self, plan: Plan) -> None: ...

    def block(self, block: Block) -> None: ...

    def trial(self, planned: PlannedTrial) -> None: ...

    def sample(self, in_flight: int | None) -> None: ...

    def trial_done(self, checked: CheckedTrial) -> None: ...


def make_progress(stream: TextIO | None = None, environ: Mapping[str, str] = os.environ) -> Progress:
    """The display for `stream`, standard error unless given: live only on a terminal that can move its cursor."""
    stream = sys.stderr if stream is None else stream
    if not can_redraw(stream, environ):
        return PlainProgress(stream)
    from labkit.output.live import Live  # noqa: PLC0415 - drawing is not for those who only want to know how

    return Live(stream, colour=not environ.get("NO_COLOR"))
