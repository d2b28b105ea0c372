"""Interruption, kept away from what must not be left half done."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let nobody's second Ctrl-C leave things half removed."""
    numbers = filter(None, (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", None)))
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
