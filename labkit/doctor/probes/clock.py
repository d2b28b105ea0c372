"""Clocks: this machine's date, the clock source of its kernel, and the engine's clock.

The calibration in `noise` shows whether the clock jumps.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from labkit.doctor import remedies
from labkit.doctor.machine import Machine
from labkit.model.finding import Finding, ok, warning
from labkit.system.checkout import ROOT

PLACE = 80
MOST_APART_S = 1.0
DAY_S = 86_400.0
# Reading one of these takes a system call and microseconds; the others take nanoseconds.
SLOW_SOURCES = {"hpet", "acpi_pm", "jiffies", "pit", "refined-jiffies"}
_SOURCE = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")


def probe(machine: Machine) -> Iterator[Finding]:
    source = None
    with suppress(OSError):
        source = _SOURCE.read_text("utf-8").strip()
    written = max(path.stat().st_mtime for path in (ROOT / "lab.py", ROOT / "labkit"))
    yield judge_clock(time.time() - written, source, machine.system)
    if machine.engine.clock_ahead_s is not None:
        desktop = "desktop" in str(machine.engine.info.get("OperatingSystem", "")).lower()
        yield judge_engine(machine.engine.clock_ahead_s, machine.system, desktop=desktop)


def judge_clock(since_written_s: float, source: str | None, system: str) -> Finding:
    """`since_written_s`: time since the checkout's files were written, by this machine's clock."""
    readings = {"since_written_s": round(since_written_s, 3), "source": source}
    if since_written_s < -DAY_S:
        days = f"{-since_written_s / DAY_S:.0f} days"
        message = f"this machine's date is {days} before that of the checkout's files: certificates will be invalid"
        return warning("clock", message, remedies.set_clock(system, desktop=False), **readings)
    if source in SLOW_SOURCES:
        message = f"the kernel's clock source is {source}, which takes microseconds for each reading"
        return warning("clock", message, "Restart this machine: its kernel gave up a faster source.", **readings)
    return ok("clock", f"plausible{f', clock source {source}' if source else ''}", **readings)


def judge_engine(ahead_s: float, system: str, *, desktop: bool) -> Finding:
    """The clock of an engine in a virtual machine falls behind while a laptop sleeps."""
    name = "clock_engine"
    if abs(ahead_s) > MOST_APART_S:
        direction = "ahead of" if ahead_s > 0 else "behind"
        message = f"the engine's clock is {abs(ahead_s):.1f} s {direction} this machine's"
        return warning(name, message, remedies.set_clock(system, desktop=desktop), ahead_s=ahead_s)
    return ok(name, "the engine's clock agrees with this machine's", ahead_s=ahead_s)
