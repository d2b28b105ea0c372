"""Who else has the processors, and whether they may run at full speed: load average, battery, power settings."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from labkit.doctor import remedies
from labkit.doctor.command import ask
from labkit.doctor.machine import Machine
from labkit.model.finding import Finding, ok, warning

PLACE = 100
MOST_LOAD = 0.5  # of a processor; half of one each is somebody else's, and trials wait for their turn
_SUPPLIES, _PROFILE = Path("/sys/class/power_supply"), Path("/sys/firmware/acpi/platform_profile")
SLOW_PROFILES = {"low-power", "quiet", "cool"}


@dataclass(frozen=True, slots=True)
class Power:
    """`battery`: it is what the machine runs on; None where that is not told. `percent` is what it holds."""

    battery: bool | None
    percent: int | None = None
    profile: str | None = None


def probe(machine: Machine) -> Iterator[Finding]:
    average = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    yield judge_load(average, os.cpu_count() or 1, machine.system)
    mac = machine.system == "darwin"
    yield judge_power(mac_power(ask("pmset", "-g", "batt").out) if mac else linux_power(_SUPPLIES, _PROFILE))


def judge_load(average: float | None, processors: int, system: str) -> Finding:
    """`average`: runnable processes over the last minute."""
    figures = {"load_1min": average, "processors": processors}
    if average is None:
        return ok("load", "not told by this system; the calibration below is disturbed all the same", **figures)
    seen = f"{average:.2f} over the last minute, on {processors} processors"
    if average / processors > MOST_LOAD:
        return warning("load", f"{seen}: something else has them busy", remedies.see_what_is_busy(system), **figures)
    return ok("load", seen, **figures)


def judge_power(power: Power) -> Finding:
    figures = {"battery": power.battery, "percent": power.percent, "profile": power.profile}
    if power.battery:
        left = f" ({power.percent} %)" if power.percent is not None else ""
        return warning("power", f"on battery{left}: most laptops slow their processors then", "Plug it in.", **figures)
    if power.profile in SLOW_PROFILES:
        said = f"the power profile is {power.profile}: processors are held back"
        return warning("power", said, "powerprofilesctl set balanced", **figures)
    if power.battery is None:
        return ok("power", "no battery is told of", **figures)
    return ok("power", "on the mains", **figures)


def mac_power(told: str) -> Power:
    """From what ``pmset -g batt`` prints."""
    percent = re.search(r"(\d+)%", told)
    source = re.search(r"drawing from '(\w+)", told)
    battery = source[1] == "Battery" if source else None
    return Power(battery, int(percent[1]) if percent else None)


def linux_power(supplies: Path, profile: Path) -> Power:
    """From /sys: on battery when one discharges and no mains are on line."""
    found = {path: _word(path / "type") for path in supplies.glob("*")}
    mains = [_word(path / "online") == "1" for path, kind in found.items() if kind in {"Mains", "USB"}]
    batteries = [path for path, kind in found.items() if kind == "Battery" and _word(path / "scope") != "Device"]
    percent = next((int(word) for path in batteries if (word := _word(path / "capacity")).isdecimal()), None)
    discharging = any(_word(path / "status") == "Discharging" for path in batteries)
    battery = discharging and not any(mains) if batteries else None
    return Power(battery, percent, _word(profile) or None)


def _word(path: Path) -> str:
    with suppress(OSError):
        return path.read_text("utf-8").strip()
    return ""
