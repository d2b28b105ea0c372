"""Linux: /proc, as proc(5) describes it. Far cheaper per reading than a general library, and it must be cheap."""

from __future__ import annotations

import os

from clients.harness.sampler import Usage

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


class ProcfsProcesses:
    """All processes below one."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._strangers = {root}
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

    def cpu_s_beside(self, pid: int) -> float:
        return sum(_cpu_s(fields) for each, fields in self._stats().items() if each != pid)

    def leave_out(self, pid: int) -> None:
        self._strangers.add(pid)

    def _stats(self) -> dict[int, list[bytes]]:
        """By pid, the fields of ``stat`` from the third (state) on, of every process below that is not a zombie."""
        present = {int(entry) for entry in os.listdir("/proc") if entry[0].isdigit()}
        self._strangers = self._strangers & present | {self._root}
        unknown = {}
        for pid in present - self._strangers:
            try:
                stat = _read(f"/proc/{pid}/stat")
            except OSError:  # it ended in between
                continue
            unknown[pid] = stat[stat.rindex(b")") + 2 :].split()
        found: dict[int, list[bytes]] = {}
        parents = {self._root} | self._members
        while children := {pid for pid, fields in unknown.items() if int(fields[1]) in parents or pid in parents}:
            found |= {pid: unknown.pop(pid) for pid in children}
            parents |= children
        self._members |= found.keys()
        # Whoever is not below now will never be, unless its parent ended just now: then ask again next time.
        self._strangers |= {pid for pid, fields in unknown.items() if int(fields[1]) in present | {0}}
        return {pid: fields for pid, fields in found.items() if fields[0] != b"Z"}


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
    _, found, rest = rollup.partition(b"\nPss:")
    return int(rest.split(maxsplit=1)[0]) * 1024 if found else None
