"""The errors of the lab, as a tree; each kind sets the exit code of lab.py.

LabError                1    a trial or a check failed, or an unforeseen error
├── UsageError          2    bad usage: names the option, the value and what is allowed; nothing was started
├── MachineError        3    this machine lacks something; the hint says what to do
│   └── EngineGone      3    the Docker engine stopped answering during the work
└── Interrupted       130    Ctrl-C or SIGTERM; finished trials are saved
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import ClassVar


class LabError(Exception):
    """A failure: one clear sentence, a hint at the next step, and the last `lines` of the failed program's output."""

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
    """The Docker engine stopped answering during the work."""


class Interrupted(LabError):
    """The user ended the lab with Ctrl-C or SIGTERM."""

    exit_code = 130


def nearest(text: str, allowed: Sequence[str]) -> str:
    """Return `` (did you mean X?)`` for the closest allowed text; empty if none is close."""
    close = get_close_matches(text, allowed, n=1)
    return f" (did you mean {close[0]}?)" if close else ""
