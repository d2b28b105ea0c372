"""Reads a thread of another process from /proc/PID/task/TID/{syscall,schedstat,comm}: see proc(5), sched-stats."""

from __future__ import annotations

import os
from contextlib import suppress

RUNNING, IO, GIL, LOCK = "running", "io", "gil", "lock"

# Numbers of system calls: asm/unistd_64.h, asm-generic/unistd.h. A wait in any other system call is I/O.
_FUTEX = {"x86_64": b"202", "aarch64": b"98"}
_STATES = {
    "x86_64": {b"202": LOCK, b"73": LOCK, b"35": "sleep", b"230": "sleep", b"61": "child", b"247": "child"},
    "aarch64": {b"98": LOCK, b"32": LOCK, b"101": "sleep", b"115": "sleep", b"260": "child", b"95": "child"},
}  # futex, flock; nanosleep, clock_nanosleep; wait4, waitid
MACHINES = frozenset(_STATES)
_MACHINE = os.uname().machine
_GONE = b"-1 0x0 0x0\n"  # of a thread that has ended but was not yet waited for


def parse_syscall(syscall: bytes, machine: str = _MACHINE) -> tuple[str, int | None]:
    """Parse a line of ``syscall``: return the state, and the address of the futex if the thread waits for one."""
    if syscall == b"running\n":
        return RUNNING, None
    number, _, rest = syscall.partition(b" ")
    address = int(rest.partition(b" ")[0], 16) if number == _FUTEX[machine] else None
    return _STATES[machine].get(number, IO), address


class Thread:
    """A thread of another process. Its files stay open, which makes reading them cheap.

    The constructor and `sample` raise ProcessLookupError or FileNotFoundError after the thread has ended, and
    PermissionError if the system denies access.
    """

    def __init__(self, pid: int, tid: int) -> None:
        self._files: list[int] = []
        self._waited_ns = 0
        try:
            for name in ("syscall", "schedstat", "comm"):
                self._files.append(os.open(f"/proc/{pid}/task/{tid}/{name}", os.O_RDONLY | os.O_CLOEXEC))
        except OSError:
            self.close()
            raise
        self._syscall, self._schedstat, self._comm = self._files

    def sample(self) -> tuple[str, int | None, int]:
        """Return the state, the futex it waits for, and the time it waited for a core since the last sample."""
        total_ns = int(os.pread(self._schedstat, 64, 0).split()[1])
        waited_ns, self._waited_ns = total_ns - self._waited_ns, total_ns
        syscall = os.pread(self._syscall, 256, 0)
        if syscall == _GONE:
            raise ProcessLookupError
        if not syscall:
            raise PermissionError("the file is empty")
        return *parse_syscall(syscall), waited_ns

    def comm(self) -> str:
        """Read its name in the system, at most 15 bytes."""
        return os.pread(self._comm, 64, 0).decode("utf-8", "replace").rstrip("\n")

    def close(self) -> None:
        for file in self._files:
            with suppress(OSError):
                os.close(file)
