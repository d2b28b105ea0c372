"""Samples the approach's processes from outside: threads, processes, CPU time, memory and sockets."""

from __future__ import annotations

import sys
from typing import NamedTuple, Protocol


class Usage(NamedTuple):
    """Resource usage of all descendants of a process at one moment.

    `cpu_s` includes children that have ended. `memory_bytes` counts a shared page only once; it is None if it was not
    requested.
    """

    threads: int
    processes: int
    cpu_s: float
    memory_bytes: int | None


class Processes(Protocol):
    """All descendants of one process."""

    def usage(self, *, memory: bool) -> Usage:
        """Read their current usage. Reading `memory` is expensive, so it is optional."""

    def pids(self) -> set[int]:
        """Return those that are running now."""

    def cpu_s_except(self, pid: int) -> float:
        """Return the CPU time of all running processes except one."""

    def exclude(self, pid: int) -> None:
        """Ignore this process, which has just started and has no children."""


def descendants(root: int) -> Processes:
    """Return the reader for this system: /proc on Linux, psutil elsewhere."""
    if sys.platform == "linux":
        from clients.harness.sampler.procfs import ProcfsProcesses

        return ProcfsProcesses(root)
    from clients.harness.sampler.portable import PsutilProcesses

    return PsutilProcesses(root)


def machine_cpu_s() -> float | None:
    """Return the CPU time of the whole machine since it started; None if the system does not report it.

    It includes time that the hypervisor gave to other machines (steal), which is equally lost to a trial.
    """
    if sys.platform == "linux":
        from clients.harness.sampler.procfs import machine_cpu_s as read
    else:
        from clients.harness.sampler.portable import machine_cpu_s as read
    return read()
