"""Process usage through /proc on Linux, see proc(5). A reading costs far less than with psutil."""

from __future__ import annotations

import os

from clients.harness.sampler import Usage

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


class ProcfsProcesses:
    """All descendants of one process."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._others = {root}
        self._members: set[int] = set()

    def usage(self, *, memory: bool) -> Usage:
        stats = self._stats()
        sizes = [size for pid in stats if (size := _pss_bytes(pid)) is not None] if memory else []
        return Usage(
            threads=sum(int(fields[17]) for fields in stats.values()),
            processes=len(stats),
            cpu_s=sum(_cpu_s(fields) for fields in stats.values()),
            memory_bytes=sum(sizes) if sizes else None,
        )

    def pids(self) -> set[int]:
        return set(self._stats())

    def cpu_s_except(self, pid: int) -> float:
        return sum(_cpu_s(fields) for each, fields in self._stats().items() if each != pid)

    def exclude(self, pid: int) -> None:
        self._others.add(pid)

    def _stats(self) -> dict[int, list[bytes]]:
        """Return by pid the fields of ``stat``, from the third (state) on, of all descendants that are not zombies."""
        present = {int(entry) for entry in os.listdir("/proc") if entry[0].isdigit()}
        self._others = self._others & present | {self._root}
        unknown = {}
        for pid in present - self._others:
            try:
                stat = _read(f"/proc/{pid}/stat")
            except OSError:  # it has just ended
                continue
            unknown[pid] = stat[stat.rindex(b")") + 2 :].split()
        descendants: dict[int, list[bytes]] = {}
        parents = {self._root} | self._members
        while children := {pid for pid, fields in unknown.items() if int(fields[1]) in parents or pid in parents}:
            descendants |= {pid: unknown.pop(pid) for pid in children}
            parents |= children
        self._members |= descendants.keys()
        # Any other process is never a descendant, unless its parent has just ended: then check it again next time.
        self._others |= {pid for pid, fields in unknown.items() if int(fields[1]) in present | {0}}
        return {pid: fields for pid, fields in descendants.items() if fields[0] != b"Z"}


def machine_cpu_s() -> float | None:
    """See `clients.harness.sampler.machine_cpu_s`."""
    try:
        first = _read("/proc/stat").partition(b"\n")[0]
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, first.split()[1:9])
    except (OSError, ValueError):
        return None
    return (user + nice + system + irq + softirq + steal) * _TICK_S


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.read()


def _cpu_s(fields: list[bytes]) -> float:
    return sum(map(int, fields[11:15])) * _TICK_S


def _pss_bytes(pid: int) -> int | None:
    try:
        rollup = _read(f"/proc/{pid}/smaps_rollup")
    except OSError:
        return None
    _, label, rest = rollup.partition(b"\nPss:")
    return int(rest.split(maxsplit=1)[0]) * 1024 if label else None
