"""What the doctor looks at, a module each: a new one is a new file with `PLACE` and `probe(machine)`.

A module reads first and then judges: its `judge…` functions are pure, and hold all thresholds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from labkit import formats

if TYPE_CHECKING:
    from labkit.doctor.examination import Probe


def names() -> tuple[str, ...]:
    """The names of all probes."""
    return formats.names(__path__)


def load(name: str) -> Probe:
    """The probe called `name`. Raises KeyError for one that is not there."""
    return cast("Probe", formats.load(__name__, __path__, name))
