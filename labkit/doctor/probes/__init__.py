"""What the doctor looks at, a module each: a new one is a new file with `PLACE` and `probe(machine)`.

A module reads first and then judges: its `judge…` functions are pure, and hold all thresholds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from labkit.doctor.machine import Machine
from labkit.model.finding import Finding
from labkit.system.plugins import Plugins


class Probe(Protocol):
    """A module in `labkit.doctor.probes`. Those with a lower `PLACE` come first."""

    PLACE: int

    def probe(self, machine: Machine) -> Iterable[Finding]:
        """Look, and judge. What it raises becomes a finding of its own."""


_PLUGINS = Plugins[Probe](__name__)
names, load = _PLUGINS.names, _PLUGINS.load
