"""Clocks: this machine's date, what its kernel counts time by, and the engine's clock against ours.

Whether the clock jumps shows only in a while: the calibration run looks at that.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from labkit.doctor import remedies
from labkit.doctor.machine import Machine
from labkit.model.finding import Finding, ok, warning

PLACE = 80
MOST_APART_S = 1.0
DAY_S = 86_400.0
# To ask one of these takes a kernel call and microseconds; the others are read in nanoseconds.
SLOW_SOURCES = {"hpet", "acpi_pm", "jiffies", "pit", "refined-jiffies"}
_SOURCE = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")


def probe(machine: Machine) -> Iterator[Finding]:
    source = None
    with suppress(OSError):
        source = _SOURCE.read_text("utf-8").strip()
    written = max(path.stat().st_mtime for path in (machine.root / "lab.py", machine.root / "labkit"))
    yield judge_clock(time.time() - written, source, machine.system)
    if machine.engine.clock_ahead_s is not None:
        desktop = "desktop" in str(machine.engine.info.get("OperatingSystem", "")).lower()
        yield judge_engine(machine.engine.clock_ahead_s, machine.system, desktop=desktop)


def judge_clock(since_written_s: float, source: str | None, system: str) -> Finding:
    """`since_written_s`: by how much it is later now than when the checkout's files were written."""
    figures = {"since_written_s": round(since_written_s, 3), "source": source}
    if since_written_s < -DAY_S:
        said = f"this machine's date is {-since_written_s / DAY_S:.0f} days before that of the checkout's own files"
        return warning(
            "clock", f"{said}: no certificate will be valid", remedies.set_clock(system, desktop=False), **figures
        )
    if source in SLOW_SOURCES:
        said = f"the kernel counts time by {source}, which is slow to read: each reading costs microseconds"
        return warning("clock", said, "Start this machine again; its kernel gave up a faster clock.", **figures)
    return ok("clock", f"plausible{f', counted by {source}' if source else ''}", **figures)


def judge_engine(ahead_s: float, system: str, *, desktop: bool) -> Finding:
    """The clock of an engine in a virtual machine falls behind while a laptop sleeps."""
    name = "clock_engine"
    if abs(ahead_s) > MOST_APART_S:
        said = f"the engine's clock is {abs(ahead_s):.1f} s {'ahead of' if ahead_s > 0 else 'behind'} this machine's"
        return warning(name, said, remedies.set_clock(system, desktop=desktop), ahead_s=ahead_s)
    return ok(name, "the engine's clock agrees with this machine's", ahead_s=ahead_s)
