"""Processors and memory of this machine and of the engine's, within the limits of a container."""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from labkit.doctor.machine import Machine
from labkit.model.finding import Finding, ok, warning
from labkit.system import command

PLACE = 40
FEWEST = 2
LEAST_MEMORY_BYTES = 2_000_000_000  # the limit of one container in compose.yaml
LEAST_AVAILABLE_BYTES = 1_000_000_000

_CGROUP = Path("/sys/fs/cgroup")


def probe(machine: Machine) -> Iterator[Finding]:
    info = machine.engine.info
    yield judge_processors(_usable(), _quota(), info.get("NCPU"))
    yield judge_memory(_total_bytes(machine.system), _available_bytes(), info.get("MemTotal"))


def judge_processors(usable: int, quota: float | None, engines: int | None) -> Finding:
    """`quota`: the processors that a container may use, None without a limit. `engines`: those of the engine."""
    here = min(float(usable), quota if quota is not None else float(usable))
    least = min(here, float(engines) if engines else here)
    message = f"{here:g}" if engines in {None, here} else f"{here:g} here, {engines} for the engine"
    readings = {"usable": usable, "quota": quota, "engine": engines}
    if least < FEWEST:
        message += ": server, client and sampler share one, and slow each other down"
        return warning("processors", message, "Give the machine, or Docker Desktop's, two or more.", **readings)
    return ok("processors", message, **readings)


def judge_memory(total: int | None, available: int | None, engines: int | None) -> Finding:
    """Bytes; None if unknown."""
    readings = {"total_bytes": total, "available_bytes": available, "engine_bytes": engines}
    parts = [f"{_gb(total)} in total" if total else "total unknown"]
    parts += [f"{_gb(available)} available"] if available is not None else []
    parts += [f"{_gb(engines)} for the engine"] if engines and engines != total else []
    message = ", ".join(parts)
    if available is not None and available < LEAST_AVAILABLE_BYTES:
        message += ": swapping would slow the measurements"
        return warning("memory", message, "End large programs.", **readings)
    if min(total or LEAST_MEMORY_BYTES, engines or LEAST_MEMORY_BYTES) < LEAST_MEMORY_BYTES:
        message += f": a container may use {_gb(LEAST_MEMORY_BYTES)}"
        return warning("memory", message, "Give the machine, or Docker Desktop's, 4 GB or more.", **readings)
    return ok("memory", message, **readings)


def quota_of(text: str) -> float | None:
    """Processors from a control group's ``quota period`` in microseconds; None without a limit."""
    numbers = re.fullmatch(r"(\d+) (\d+)", text.strip())
    return int(numbers[1]) / int(numbers[2]) if numbers and int(numbers[2]) else None


def available_of(meminfo: str) -> int | None:
    """Bytes from the text of /proc/meminfo."""
    kilobytes = re.search(r"^MemAvailable: +(\d+) kB$", meminfo, re.MULTILINE)
    return int(kilobytes[1]) * 1024 if kilobytes else None


def _usable() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _quota() -> float | None:
    with suppress(OSError):
        return quota_of((_CGROUP / "cpu.max").read_text("utf-8"))
    with suppress(OSError):  # version 1
        files = (_CGROUP / "cpu" / f"cpu.cfs_{name}_us" for name in ("quota", "period"))
        return quota_of(" ".join(file.read_text("utf-8").strip() for file in files))
    return None


def _available_bytes() -> int | None:
    with suppress(OSError):
        return available_of(Path("/proc/meminfo").read_text("utf-8"))
    return None


def _total_bytes(system: str) -> int | None:
    if system == "win32":
        return _windows_total_bytes()
    if system == "darwin":
        size = command.run("sysctl", "-n", "hw.memsize").output
        return int(size) if size.isdecimal() else None
    with suppress(OSError, ValueError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _windows_total_bytes() -> int | None:
    kilobytes = ctypes.c_ulonglong()
    library = getattr(ctypes, "windll", None)
    if library is None or not library.kernel32.GetPhysicallyInstalledSystemMemory(ctypes.byref(kilobytes)):
        return None
    return kilobytes.value * 1024


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
