"""Reads, from outside, what the approach's processes use: threads, processes, processor time, memory, sockets."""

from __future__ import annotations

import sys
from typing import NamedTuple, Protocol


class Usage(NamedTuple):
    """What a session's processes use at one moment.

    `cpu_s` counts children that have ended; `memory_bytes` counts a page that several processes share once in all, and
    is None where it was not asked for.
    """

    threads: int
    processes: int
    cpu_s: float
    memory_bytes: int | None


class Processes(Protocol):
    """All processes of one session (POSIX: what `setsid` begins)."""

    def usage(self, *, memory: bool) -> Usage:
        """What they use now; `memory` is dear to read and only read when asked for."""

    def helpers_cpu_s(self) -> float:
        """Processor seconds of those that live beside the session's leader."""


def processes_of(session: int) -> Processes:
    """The reader for this system: /proc on Linux, psutil elsewhere."""
    if sys.platform == "linux":
        from clients.harness.sampler.procfs import ProcfsProcesses

        return ProcfsProcesses(session)
    from clients.harness.sampler.portable import PsutilProcesses

    return PsutilProcesses(session)


def machine_cpu_s() -> float | None:
    """Processor seconds that the whole machine has spent since it started, or None where it does not say.

    Time that a hypervisor gave to others (steal) counts: it is just as lost to a trial.
    """
    if sys.platform == "linux":
        from clients.harness.sampler.procfs import machine_cpu_s as read
    else:
        from clients.harness.sampler.portable import machine_cpu_s as read
    return read()
