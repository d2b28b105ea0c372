"""Load average, battery and power settings: whether the processors are free, and may run at full speed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from labkit.doctor import remedies
from labkit.doctor.machine import Machine
from labkit.model.finding import Finding, ok, warning
from labkit.system import command

PLACE = 100
MOST_LOAD = 0.5  # per processor; beyond it, trials wait for other programs
_SUPPLIES, _PROFILE = Path("/sys/class/power_supply"), Path("/sys/firmware/acpi/platform_profile")
SLOW_PROFILES = {"low-power", "quiet", "cool"}


@dataclass(frozen=True, slots=True)
class Power:
    """`battery`: the machine runs on its battery, which holds `percent`; None if unknown."""

    battery: bool | None
    percent: int | None = None
    profile: str | None = None


def probe(machine: Machine) -> Iterator[Finding]:
    average = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    yield judge_load(average, os.cpu_count() or 1, machine.system)
    if machine.system == "darwin":
        yield judge_power(mac_power(command.run("pmset", "-g", "batt").output))
    else:
        yield judge_power(linux_power(_SUPPLIES, _PROFILE))


def judge_load(average: float | None, processors: int, system: str) -> Finding:
    """`average`: runnable processes over the last minute."""
    readings = {"load_1min": average, "processors": processors}
    if average is None:
        return ok("load", "not reported by this system; the calibration below measures its effect", **readings)
    message = f"{average:.2f} over the last minute, on {processors} processors"
    if average / processors > MOST_LOAD:
        message += ": other programs are busy"
        return warning("load", message, remedies.see_what_is_busy(system), **readings)
    return ok("load", message, **readings)


def judge_power(power: Power) -> Finding:
    readings = {"battery": power.battery, "percent": power.percent, "profile": power.profile}
    if power.battery:
        left = f" ({power.percent} %)" if power.percent is not None else ""
        message = f"on battery{left}: most laptops slow their processors then"
        return warning("power", message, "Plug it in.", **readings)
    if power.profile in SLOW_PROFILES:
        message = f"the power profile is {power.profile}: it slows the processors"
        return warning("power", message, "powerprofilesctl set balanced", **readings)
    return ok("power", "no battery detected" if power.battery is None else "on mains power", **readings)


def mac_power(output: str) -> Power:
    """Parse the output of ``pmset -g batt``."""
    percent = re.search(r"(\d+)%", output)
    source = re.search(r"drawing from '(\w+)", output)
    battery = source[1] == "Battery" if source else None
    return Power(battery, int(percent[1]) if percent else None)


def linux_power(supplies: Path, profile: Path) -> Power:
    """Read /sys: on battery if one discharges and no mains supply is online."""
    kinds = {path: _word(path / "type") for path in supplies.glob("*")}
    mains = [_word(path / "online") == "1" for path, kind in kinds.items() if kind in {"Mains", "USB"}]
    batteries = [path for path, kind in kinds.items() if kind == "Battery" and _word(path / "scope") != "Device"]
    percent = next((int(word) for path in batteries if (word := _word(path / "capacity")).isdecimal()), None)
    discharging = any(_word(path / "status") == "Discharging" for path in batteries)
    battery = discharging and not any(mains) if batteries else None
    return Power(battery, percent, _word(profile) or None)


def _word(path: Path) -> str:
    with suppress(OSError):
        return path.read_text("utf-8").strip()
    return ""
