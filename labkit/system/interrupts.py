"""Interrupts: SIGINT, SIGTERM and SIGHUP end the lab, but not in the middle of an indivisible step.

Python drops an exception that a signal handler raises at certain moments of an import. The handler therefore also sets
a flag, and `raise_if_interrupted` checks it between two steps.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, NoReturn

Handler = Callable[[int, FrameType | None], Any] | int | None

_SIGNALS = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
_interrupted = False


def install() -> None:
    """Raise KeyboardInterrupt on each signal, except those that the caller ignores, as `nohup` does."""
    for number in _SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, interrupt)


def interrupt(*_: object) -> NoReturn:
    """Handle a signal: set the flag and raise KeyboardInterrupt."""
    _set_flag()
    raise KeyboardInterrupt


def raise_if_interrupted() -> None:
    """Raise KeyboardInterrupt if there was an interrupt, even one that Python dropped."""
    if _interrupted:
        raise KeyboardInterrupt


@contextmanager
def defer_interrupts() -> Iterator[None]:
    """Complete an indivisible step; an interrupt during it is raised afterwards."""
    with _handled_by(_set_flag, lambda handler: handler is interrupt):
        yield
    raise_if_interrupted()


@contextmanager
def ignore_interrupts() -> Iterator[None]:
    """Complete a removal, even if the user presses Ctrl-C again."""
    with _handled_by(signal.SIG_IGN, lambda _: True):
        yield


@dataclass(slots=True)
class InterruptCounter:
    """The number of interrupts since `count_interrupts` began."""

    count: int = 0


@contextmanager
def count_interrupts() -> Iterator[InterruptCounter]:
    """Count interrupts instead of raising them. Main thread only."""
    counter = InterruptCounter()

    def add(*_: object) -> None:
        counter.count += 1

    with _handled_by(add, lambda handler: handler != signal.SIG_IGN):
        yield counter


@contextmanager
def _handled_by(handler: Handler, replaces: Callable[[Handler], bool]) -> Iterator[None]:
    """Install `handler` in place of each handler that it `replaces`, and restore them at the end."""
    before = {number: old for number in _SIGNALS if replaces(old := signal.getsignal(number))}
    for number in before:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _set_flag(*_: object) -> None:
    global _interrupted  # noqa: PLW0603 - a signal handler has no caller to return it to
    _interrupted = True
