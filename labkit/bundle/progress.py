"""How far a long piece of work has come, on one line of a terminal; nothing where standard error is none."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TextIO

REDRAW_S = 0.1


def megabytes(number: int) -> str:
    """A size in megabytes, with a digit after the point where it says something."""
    return f"{number / 1e6:.{0 if number >= 10_000_000 else 1}f} MB"


def note(text: str, stream: TextIO | None = None) -> None:
    """A line that stays."""
    print(f"lab.py: {text}", file=sys.stderr if stream is None else stream, flush=True)


@contextmanager
def shown(what: str, total: int, say: Callable[[int], str] = megabytes) -> Iterator[Callable[[int], None]]:
    """Draw how much of `total` is done, which the yielded function is told of piece by piece; gone at the end."""
    stream = sys.stderr
    done, drawn_s = 0, -1.0
    live = stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"

    def passed(more: int) -> None:
        nonlocal done, drawn_s
        done += more
        if live and (monotonic() - drawn_s > REDRAW_S or done >= total):
            drawn_s = monotonic()
            percent = 100 * done // total if total else 100
            stream.write(f"\r\x1b[K{what}: {percent} %, {say(done)} of {say(total)}")
            stream.flush()

    try:
        passed(0)
        yield passed
    finally:
        if live:
            stream.write("\r\x1b[K")
            stream.flush()
