"""Systems without /proc (macOS): psutil."""

from __future__ import annotations

import os

import psutil

from clients.harness.sampler import Usage


class PsutilProcesses:
    """The session's leader and its descendants. One that has left its parent is not found here."""

    def __init__(self, session: int) -> None:
        self._leader = psutil.Process(session)

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

    def helpers_cpu_s(self) -> float:
        total = 0.0
        for process in self._all()[1:]:
            try:
                total += sum(process.cpu_times()[:4])
            except psutil.Error:
                continue
        return total

    def _all(self) -> list[psutil.Process]:
        try:
            return [self._leader, *self._leader.children(recursive=True)]
        except psutil.Error:
            return []


def machine_cpu_s() -> float | None:
    """See `clients.harness.sampler.machine_cpu_s`."""
    times = psutil.cpu_times()
    return sum(times) - times.idle - getattr(times, "iowait", 0.0) if os.name == "posix" else None
