"""Reads, from outside, what the approach's processes use: threads, processes, processor time, memory, sockets."""

from __future__ import annotations

import sys
from typing import NamedTuple, Protocol


class Usage(NamedTuple):
    """What the processes below one use at one moment.

    `cpu_s` counts children that have ended; `memory_bytes` counts a page that several processes share once in all, and
    is None where it was not asked for.
    """

    threads: int
    processes: int
    cpu_s: float
    memory_bytes: int | None


class Processes(Protocol):
    """All processes below one: its children, theirs, and so on."""

    def usage(self, *, memory: bool) -> Usage:
        """What they use now; `memory` is dear to read and only read when asked for."""

    def pids(self) -> set[int]:
        """Those that live now."""

    def cpu_s_beside(self, pid: int) -> float:
        """Processor seconds of those that live now, but for one."""

    def leave_out(self, pid: int) -> None:
        """Never count this one, which has just been started and starts nothing itself."""


def processes_below(root: int) -> Processes:
    """The reader for this system: /proc on Linux, psutil elsewhere."""
    if sys.platform == "linux":
        from clients.harness.sampler.procfs import ProcfsProcesses

        return ProcfsProcesses(root)
    from clients.harness.sampler.portable import PsutilProcesses

    return PsutilProcesses(root)


def machine_cpu_s() -> float | None:
    """Processor seconds that the whole machine has spent since it started, or None where it does not say.

    Time that a hypervisor gave to others (steal) counts: it is just as lost to a trial.
    """
    if sys.platform == "linux":
        from clients.harness.sampler.procfs import machine_cpu_s as read
    else:
        from clients.harness.sampler.portable import machine_cpu_s as read
    return read()
