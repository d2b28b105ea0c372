"""Findings of the doctor about the machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """How a finding is judged. `OK`: nothing wrong was seen. `FAILED`: without it the lab does not run here."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """`mend` is one command, or one deed where no command does it; "" where nothing is to mend.

    `figures` are the readings for programs, with units in their names; what could not be read is None.
    """

    name: str
    status: Status
    seen: str
    mend: str = ""
    figures: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Examination:
    """All findings of one examination of the machine."""

    at: datetime
    findings: tuple[Finding, ...]

    @property
    def ready(self) -> bool:
        """Whether the lab can run here."""
        return all(finding.status is not Status.FAILED for finding in self.findings)


def ok(name: str, seen: str, **figures: object) -> Finding:
    return Finding(name, Status.OK, seen, figures=figures)


def warning(name: str, seen: str, mend: str, **figures: object) -> Finding:
    return Finding(name, Status.WARNING, seen, mend, figures)


def failed(name: str, seen: str, mend: str, **figures: object) -> Finding:
    return Finding(name, Status.FAILED, seen, mend, figures)
