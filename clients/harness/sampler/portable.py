"""Process usage through psutil, for systems without /proc (macOS)."""

from __future__ import annotations

import os

import psutil

from clients.harness.sampler import Usage


class PsutilProcesses:
    """All descendants of one process, without orphans: the system has given those another parent."""

    def __init__(self, root: int) -> None:
        self._root = psutil.Process(root)
        self._excluded: set[int] = set()

    def usage(self, *, memory: bool) -> Usage:
        threads = processes = size = 0
        cpu_s = 0.0
        for process in self._all():
            try:
                with process.oneshot():
                    threads += process.num_threads()
                    cpu_s += sum(process.cpu_times()[:4])
                    size += process.memory_full_info().uss if memory else 0
            except psutil.Error:  # it has just ended
                continue
            processes += 1
        return Usage(threads=threads, processes=processes, cpu_s=cpu_s, memory_bytes=size or None)

    def pids(self) -> set[int]:
        return {process.pid for process in self._all()}

    def cpu_s_except(self, pid: int) -> float:
        total = 0.0
        for process in self._all():
            try:
                total += sum(process.cpu_times()[:4]) if process.pid != pid else 0.0
            except psutil.Error:
                continue
        return total

    def exclude(self, pid: int) -> None:
        self._excluded.add(pid)

    def _all(self) -> list[psutil.Process]:
        children = [child for child in self._root.children(recursive=True) if child.pid not in self._excluded]
        return [process for process in children if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def machine_cpu_s() -> float | None:
    """See `clients.harness.sampler.machine_cpu_s`."""
    times = psutil.cpu_times()
    return sum(times) - times.idle - getattr(times, "iowait", 0.0) if os.name == "posix" else None
