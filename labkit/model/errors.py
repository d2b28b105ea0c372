"""What can go wrong, as a tree; each kind carries the exit code it ends lab.py with.

LabError                1    a trial or a check failed, or something unforeseen
├── UsageError          2    bad usage: names the option, the value and what is allowed; nothing was started
├── MachineError        3    this machine lacks something; the hint says what to do
│   └── EngineGone      3    the Docker engine stopped answering in the middle
└── Interrupted       130    Ctrl-C or SIGTERM; what had finished is saved
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import ClassVar


class LabError(Exception):
    """A failure: one clear sentence, a hint about what to do, and the last `lines` that what failed wrote."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "", lines: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.lines = lines


class UsageError(LabError):
    """Bad usage: nothing was started."""

    exit_code = 2


class MachineError(LabError):
    """This machine lacks something that the command needs."""

    exit_code = 3


class EngineGone(MachineError):
    """The Docker engine stopped answering in the middle of the work."""


class Interrupted(LabError):
    """Somebody ended the lab with Ctrl-C or SIGTERM."""

    exit_code = 130


def nearest(text: str, allowed: Sequence[str]) -> str:
    """A question that names what was probably meant, or nothing."""
    close = get_close_matches(text, allowed, n=1)
    return f" (did you mean {close[0]}?)" if close else ""
