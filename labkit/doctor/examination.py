"""All probes, one after another: what they found, whatever becomes of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from labkit.doctor import probes
from labkit.doctor.finding import Finding, Status, warning
from labkit.doctor.machine import Machine
from labkit.doctor.probes import Probe


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found, when."""

    at: datetime
    findings: tuple[Finding, ...]

    @property
    def ready(self) -> bool:
        """Whether the lab can run here."""
        return all(finding.status is not Status.FAILED for finding in self.findings)


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
