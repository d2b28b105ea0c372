"""Linux: /proc, as proc(5) describes it. Far cheaper per reading than a general library, and it must be cheap."""

from __future__ import annotations

import os

from clients.harness.sampler import Usage

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


class ProcfsProcesses:
    """All processes of one session, found by the session id that children inherit."""

    def __init__(self, session: int) -> None:
        self._session = session
        self._strangers: set[str] = set()

    def usage(self, *, memory: bool) -> Usage:
        stats = self._stats()
        sizes = [size for pid in stats if (size := _pss_bytes(pid)) is not None] if memory else []
        return Usage(
            threads=sum(int(fields[17]) for fields in stats.values()),
            processes=len(stats),
            cpu_s=sum(_cpu_s(fields) for fields in stats.values()),
            memory_bytes=sum(sizes) if sizes else None,
        )

    def helpers_cpu_s(self) -> float:
        return sum(_cpu_s(fields) for pid, fields in self._stats().items() if int(pid) != self._session)

    def _stats(self) -> dict[str, list[bytes]]:
        """By pid, the fields of its ``stat`` from the third (state) on, for every process that is not a zombie."""
        pids = {entry for entry in os.listdir("/proc") if entry[0].isdigit()}
        self._strangers &= pids
        found = {}
        for pid in pids - self._strangers:
            try:
                stat = _read(f"/proc/{pid}/stat")
            except OSError:  # it ended in between
                continue
            fields = stat[stat.rindex(b")") + 2 :].split()
            if int(fields[3]) != self._session:
                self._strangers.add(pid)
            elif fields[0] != b"Z":
                found[pid] = fields
        return found


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


def _pss_bytes(pid: str) -> int | None:
    try:
        rollup = _read(f"/proc/{pid}/smaps_rollup")
    except OSError:
        return None
    _, found, rest = rollup.partition(b"\nPss:")
    return int(rest.split(maxsplit=1)[0]) * 1024 if found else None
