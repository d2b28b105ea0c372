"""Systems without /proc (macOS): psutil."""

from __future__ import annotations

import os

import psutil

from clients.harness.sampler import Usage


class PsutilProcesses:
    """All processes below one. An orphan is not found here: the system has given it to another parent."""

    def __init__(self, root: int) -> None:
        self._root = psutil.Process(root)
        self._strangers: set[int] = set()

    def usage(self, *, memory: bool) -> Usage:
        threads = processes = size = 0
        cpu_s = 0.0
        for process in self._all():
            try:
                with process.oneshot():
                    threads += process.num_threads()
                    cpu_s += sum(process.cpu_times()[:4])
                    size += process.memory_full_info().uss if memory else 0
            except psutil.Error:  # it ended in between
                continue
            processes += 1
        return Usage(threads=threads, processes=processes, cpu_s=cpu_s, memory_bytes=size or None)

    def pids(self) -> set[int]:
        return {process.pid for process in self._all()}

    def cpu_s_beside(self, pid: int) -> float:
        total = 0.0
        for process in self._all():
            try:
                total += sum(process.cpu_times()[:4]) if process.pid != pid else 0.0
            except psutil.Error:
                continue
        return total

    def leave_out(self, pid: int) -> None:
        self._strangers.add(pid)

    def _all(self) -> list[psutil.Process]:
        children = [child for child in self._root.children(recursive=True) if child.pid not in self._strangers]
        return [process for process in children if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def machine_cpu_s() -> float | None:
    """See `clients.harness.sampler.machine_cpu_s`."""
    times = psutil.cpu_times()
    return sum(times) - times.idle - getattr(times, "iowait", 0.0) if os.name == "posix" else None
