"""``python -m clients.harness.tracer PID`` traces a process and all that it starts, until standard input ends.

It writes an empty line when it is ready, then `Lane`, `Gap` and `Unseen` messages of the protocol.
"""

from __future__ import annotations

import ctypes
import gc
import os
import select
import struct
import sys
from contextlib import suppress
from time import monotonic_ns

from clients.harness import protocol
from clients.harness.tracer.watch import Watch, find_obstacle

TICK_NS = 1_000_000
RESCAN_NS = 10_000_000
SLICE_NS = 100_000  # on a busy machine, this reduces the gaps to a tenth
SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}  # asm/unistd_64.h, asm-generic/unistd.h
SHARE = 0.2  # limit, of one CPU: expensive ticks come less often


def main(pid: int) -> None:
    """Trace `pid` until it ends, or until no process reads the output."""
    gc.disable()  # there are no reference cycles, and a collection would cause a gap
    with suppress(BrokenPipeError):
        if (reason := find_obstacle()) is not None:
            _emit(protocol.Unseen("thread", reason))
        else:
            _watch(pid)


def _watch(pid: int) -> None:
    _request_short_slices()
    watch = Watch(pid, _emit)
    watch.begin(monotonic_ns())
    last_ns = due_ns = monotonic_ns()
    cost_ns = 0
    rescan_ns = last_ns + RESCAN_NS
    sys.stdout.write("\n")
    sys.stdout.flush()
    while watch.active and not select.select([sys.stdin], [], [], max(0, due_ns - monotonic_ns()) / 1e9)[0]:
        now_ns = monotonic_ns()
        watch.tick(now_ns, last_ns, due_ns)
        if now_ns >= rescan_ns:
            watch.rescan(now_ns)
            rescan_ns = now_ns + RESCAN_NS
        before_ns, cost_ns = cost_ns, monotonic_ns() - now_ns
        # The smaller of two costs, because one tick can be slow by chance, for example when it is interrupted.
        last_ns, due_ns = now_ns, now_ns + max(TICK_NS, round(min(before_ns, cost_ns) / SHARE))
    watch.end()


def _request_short_slices() -> None:
    """Request short time slices, which start sooner: sched_setattr(2). Linux supports this from 6.12, unprivileged."""
    attributes = struct.pack("=IIQiIQQQ", 48, 0, 0, os.getpriority(os.PRIO_PROCESS, 0), 0, SLICE_NS, 0, 0)
    ctypes.CDLL(None).syscall(SCHED_SETATTR[os.uname().machine], 0, attributes, 0)


def _emit(message: protocol.Message) -> None:
    sys.stdout.write(protocol.to_line(message).decode())
    sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
