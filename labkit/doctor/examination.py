"""All probes, one after another: what they found, whatever becomes of them."""

from __future__ import annotations

from datetime import UTC, datetime

from labkit.doctor import probes
from labkit.doctor.machine import Machine
from labkit.doctor.probes import Probe
from labkit.model.finding import Examination, Finding, warning


def examine(machine: Machine) -> Examination:
    """Have every probe look at `machine`."""
    at = datetime.now(UTC)
    places: dict[str, float] = {}
    findings: list[Finding] = []
    for name in probes.names():
        try:
            places[name] = probes.load(name).PLACE
        except Exception as error:  # noqa: BLE001 - as in `run`
            findings.append(_broken(name, error))
    for name in sorted(places, key=lambda name: (places[name], name)):
        findings.extend(run(name, probes.load(name), machine))
    return Examination(at, tuple(findings))


def run(name: str, probe: Probe, machine: Machine) -> list[Finding]:
    """What one probe finds; at last that it failed, if it does."""
    found: list[Finding] = []
    try:
        found.extend(probe.probe(machine))
    except Exception as error:  # noqa: BLE001 - whatever a probe runs into on somebody's machine is a finding
        found.append(_broken(name, error))
    return found


def _broken(name: str, error: Exception) -> Finding:
    said = f"this probe itself failed: {type(error).__name__}: {error}"
    return warning(f"probe_{name}", said, "Please report it, with this line.")
