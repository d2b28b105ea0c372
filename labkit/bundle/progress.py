"""Progress of a long step, on one line of the terminal; nothing if standard error is not a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

REDRAW_S = 0.1
Advance = Callable[[int], object]


def megabytes(size: int) -> str:
    """A size in megabytes, with one decimal below 10 MB."""
    return f"{size / 1e6:.{0 if size >= 10_000_000 else 1}f} MB"


def ignore(_: int) -> None:
    """Show no progress."""


@contextmanager
def progress(label: str, total: int, describe: Callable[[int], str] = megabytes) -> Iterator[Advance]:
    """Show how much of `total` is done; the caller passes each increment to the yielded function."""
    stream = sys.stderr
    done, drawn_s = 0, -1.0
    live = stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"

    def advance(increment: int) -> None:
        nonlocal done, drawn_s
        done += increment
        if live and (monotonic() - drawn_s > REDRAW_S or done >= total):
            drawn_s = monotonic()
            percent = 100 * done // total if total else 100
            stream.write(f"\r\x1b[K{label}: {percent} %, {describe(done)} of {describe(total)}")
            stream.flush()

    try:
        advance(0)
        yield advance
    finally:
        if live:
            stream.write("\r\x1b[K")
            stream.flush()
