"""Findings of the doctor about the machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """`OK`: no problem found. `FAILED`: the lab cannot run on this machine."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """`remedy` is one command, or one instruction if no command does it; "" without a problem.

    `readings` are for programs, with units in their names; None if a value is unknown.
    """

    name: str
    status: Status
    message: str
    remedy: str = ""
    readings: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Examination:
    """All findings of one examination of the machine."""

    at: datetime
    findings: tuple[Finding, ...]

    @property
    def ready(self) -> bool:
        """True if the lab can run on this machine."""
        return all(finding.status is not Status.FAILED for finding in self.findings)


def ok(name: str, message: str, **readings: object) -> Finding:
    return Finding(name, Status.OK, message, readings=readings)


def warning(name: str, message: str, remedy: str, **readings: object) -> Finding:
    return Finding(name, Status.WARNING, message, remedy, readings)


def failed(name: str, message: str, remedy: str, **readings: object) -> Finding:
    return Finding(name, Status.FAILED, message, remedy, readings)
