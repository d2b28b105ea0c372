"""The examination of a machine by all probes; a probe that fails is a finding too."""

from __future__ import annotations

from datetime import UTC, datetime
from operator import itemgetter

from labkit.doctor import probes
from labkit.doctor.machine import Machine
from labkit.doctor.probes import Probe
from labkit.model.finding import Examination, Finding, warning


def examine(machine: Machine) -> Examination:
    """Run every probe on `machine`, in their order."""
    at = datetime.now(UTC)
    loaded: list[tuple[int, str, Probe]] = []
    findings: list[Finding] = []
    for name in probes.names():
        try:
            probe = probes.load(name)
            loaded.append((probe.PLACE, name, probe))
        except Exception as error:  # noqa: BLE001 - as in `run`
            findings.append(_broken(name, error))
    for _, name, probe in sorted(loaded, key=itemgetter(0, 1)):
        findings.extend(run(name, probe, machine))
    return Examination(at, tuple(findings))


def run(name: str, probe: Probe, machine: Machine) -> list[Finding]:
    """The findings of one probe; the last one is its own failure, if it fails."""
    findings: list[Finding] = []
    try:
        findings.extend(probe.probe(machine))
    except Exception as error:  # noqa: BLE001 - a probe must not end the examination, on any machine
        findings.append(_broken(name, error))
    return findings


def _broken(name: str, error: Exception) -> Finding:
    message = f"this probe itself failed: {type(error).__name__}: {error}"
    return warning(f"probe_{name}", message, "Please report it, with this line.")
