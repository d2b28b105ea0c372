"""Interruption: passed on as KeyboardInterrupt, remembered, and kept away from what must not be left half done.

Python drops an exception that a signal raises at certain moments of an import. So that nobody's Ctrl-C is lost, it is
remembered, and raised again where one thing ends and the next begins.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn, Self

_asked = False


def interrupt(*_: object) -> NoReturn:
    """The handler of SIGINT and its like."""
    global _asked  # noqa: PLW0603 - a signal has no other place to leave word
    _asked = True
    raise KeyboardInterrupt


def raise_if_interrupted() -> None:
    """Raises KeyboardInterrupt if somebody has asked for it, even if it was lost."""
    if _asked:
        raise KeyboardInterrupt


def _remember(*_: object) -> None:
    global _asked  # noqa: PLW0603 - as above
    _asked = True


def _numbers() -> list[signal.Signals]:
    return [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]


@contextmanager
def undivided() -> Iterator[None]:
    """Let what belongs together be done as a whole; an interruption meanwhile is raised afterwards."""
    before = {number: handler for number in _numbers() if (handler := signal.getsignal(number)) is interrupt}
    for number in before:
        signal.signal(number, _remember)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    raise_if_interrupted()


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let nobody's second Ctrl-C leave things half removed."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _numbers()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Interruptions:
    """Counts Ctrl-C and the like while the context is open, instead of letting them break in. Main thread only."""

    def __init__(self) -> None:
        self.count = 0
        self._before: dict[signal.Signals, Callable[[int, FrameType | None], Any] | int | None] = {}

    def __enter__(self) -> Self:
        for number in filter(None, (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", None))):
            if (handler := signal.getsignal(number)) != signal.SIG_IGN:  # as `nohup` has it
                self._before[number] = handler
                signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, *_: object) -> None:
        self.count += 1
