"""The probes, one module each with `PLACE` and `probe(machine)`: a new file is a new probe.

A probe first reads values and then judges them: its `judge…` functions are pure and contain all thresholds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from labkit.doctor.machine import Machine
from labkit.model.finding import Finding
from labkit.system.plugins import Plugins


class Probe(Protocol):
    """A module in `labkit.doctor.probes`. Probes run in the order of their `PLACE`."""

    PLACE: int

    def probe(self, machine: Machine) -> Iterable[Finding]:
        """Examine `machine`. An exception becomes a finding too."""


_PLUGINS = Plugins[Probe](__name__)
names, load = _PLUGINS.names, _PLUGINS.load
