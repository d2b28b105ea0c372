"""Processors and memory, of this machine and of the engine's; a container's own limits count."""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from labkit.doctor.command import ask
from labkit.doctor.machine import Machine
from labkit.model.finding import Finding, ok, warning

PLACE = 40
FEWEST = 2
LEAST_MEMORY_BYTES = 2_000_000_000  # what compose.yaml lets one container have
LEAST_AVAILABLE_BYTES = 1_000_000_000

_CGROUP = Path("/sys/fs/cgroup")


def probe(machine: Machine) -> Iterator[Finding]:
    info = machine.engine.info
    yield judge_processors(_usable(), _quota(), info.get("NCPU"))
    yield judge_memory(_total_bytes(machine.system), _available_bytes(), info.get("MemTotal"))


def judge_processors(usable: int, quota: float | None, engines: int | None) -> Finding:
    """`quota` is how many processors' worth of time a container may have, None without a bound."""
    have = min(float(usable), quota if quota is not None else float(usable))
    least = min(have, float(engines) if engines else have)
    seen = f"{have:g}" if engines in {None, have} else f"{have:g} here, {engines} for the engine"
    figures = {"usable": usable, "quota": quota, "engine": engines}
    if least < FEWEST:
        said = f"{seen}: server, client and what measures them share one, and slow each other"
        return warning("processors", said, "Give the machine, or Docker Desktop's, two or more.", **figures)
    return ok("processors", seen, **figures)


def judge_memory(total: int | None, available: int | None, engines: int | None) -> Finding:
    """Bytes; None where it cannot be told."""
    figures = {"total_bytes": total, "available_bytes": available, "engine_bytes": engines}
    parts = [f"{_gb(total)} in all" if total else "cannot be told here"]
    parts += [f"{_gb(available)} available"] if available is not None else []
    parts += [f"{_gb(engines)} for the engine"] if engines and engines != total else []
    seen = ", ".join(parts)
    if available is not None and available < LEAST_AVAILABLE_BYTES:
        return warning("memory", f"{seen}: what is swapped out is measured slow", "End large programs.", **figures)
    if min(total or LEAST_MEMORY_BYTES, engines or LEAST_MEMORY_BYTES) < LEAST_MEMORY_BYTES:
        said = f"{seen}: a container may take {_gb(LEAST_MEMORY_BYTES)}"
        return warning("memory", said, "Give the machine, or Docker Desktop's, 4 GB or more.", **figures)
    return ok("memory", seen, **figures)


def quota_of(text: str) -> float | None:
    """Processors from a control group's ``quota period`` in microseconds; None for one without a bound."""
    found = re.fullmatch(r"(\d+) (\d+)", text.strip())
    return int(found[1]) / int(found[2]) if found and int(found[2]) else None


def available_of(meminfo: str) -> int | None:
    """Bytes from /proc/meminfo."""
    found = re.search(r"^MemAvailable: +(\d+) kB$", meminfo, re.MULTILINE)
    return int(found[1]) * 1024 if found else None


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
        told = ask("sysctl", "-n", "hw.memsize").out
        return int(told) if told.isdecimal() else None
    with suppress(OSError, ValueError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _windows_total_bytes() -> int | None:
    kilobytes = ctypes.c_ulonglong()
    library = getattr(ctypes, "windll", None)
    if library is None or not library.kernel32.GetPhysicallyInstalledSystemMemory(ctypes.byref(kilobytes)):
        return None
    return kilobytes.value * 1024


def _gb(size: int | None) -> str:
    return "?" if size is None else f"{size / 1e9:.1f} GB"
