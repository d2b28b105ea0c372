"""Findings of the doctor about the machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """The judgement on a finding. `FAILED`: the lab cannot run here."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """An observation of a probe. `mend` is the remedy, a command if there is one; "" if none is needed.

    `figures` are the readings for programs, with units in their names; None if a reading failed.
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
        """True if the lab can run here."""
        return all(finding.status is not Status.FAILED for finding in self.findings)


def ok(name: str, seen: str, **figures: object) -> Finding:
    return Finding(name, Status.OK, seen, figures=figures)


def warning(name: str, seen: str, mend: str, **figures: object) -> Finding:
    return Finding(name, Status.WARNING, seen, mend, figures)


def failed(name: str, seen: str, mend: str, **figures: object) -> Finding:
    return Finding(name, Status.FAILED, seen, mend, figures)
