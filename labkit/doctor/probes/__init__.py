"""What the doctor looks at, a module each: a new one is a new file with `PLACE` and `probe(machine)`.

A module reads first and then judges: its `judge…` functions are pure, and hold all thresholds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, cast

from labkit.doctor.finding import Finding
from labkit.doctor.machine import Machine
from labkit.system import plugins


class Probe(Protocol):
    """A module in `labkit.doctor.probes`. Those with a lower `PLACE` come first."""

    PLACE: int

    def probe(self, machine: Machine) -> Iterable[Finding]:
        """Look, and judge. What it raises becomes a finding of its own."""


def names() -> tuple[str, ...]:
    """The names of all probes."""
    return plugins.names(__path__)


def load(name: str) -> Probe:
    """The probe called `name`. Raises KeyError for one that is not there."""
    return cast("Probe", plugins.load(__name__, __path__, name))
