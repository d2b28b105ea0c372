"""``python -m clients.harness.tracer PID`` watches that process and all that it starts until its own input ends.

It writes an empty line once it watches, and then `Lane`, `Gap` and `Unseen` lines of the protocol.
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
from clients.harness.tracer.watch import Watch, why_not

TICK_NS = 1_000_000
RESCAN_NS = 10_000_000
SLICE_NS = 100_000  # with busy processors, a tenth of the gaps that there are without
SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}  # asm/unistd_64.h, asm-generic/unistd.h
SHARE = 0.2  # of one processor, at most: where a tick costs more, ticks come further apart


def main(pid: int) -> None:
    """Watch `pid` and tell; returns once that is over, or nobody reads any more."""
    gc.disable()  # nothing here refers to itself, and a collection would be a gap
    with suppress(BrokenPipeError):
        if (reason := why_not()) is not None:
            _tell(protocol.Unseen("thread", reason))
        else:
            _watch(pid)


def _watch(pid: int) -> None:
    _ask_for_short_slices()
    watch = Watch(pid, _tell)
    watch.begin(monotonic_ns())
    last_ns = due_ns = monotonic_ns()
    cost_ns = 0
    rescan_ns = last_ns + RESCAN_NS
    sys.stdout.write("\n")
    sys.stdout.flush()
    while watch.watches and not select.select([sys.stdin], [], [], max(0, due_ns - monotonic_ns()) / 1e9)[0]:
        now_ns = monotonic_ns()
        watch.tick(now_ns, last_ns, due_ns)
        if now_ns >= rescan_ns:
            watch.rescan(now_ns)
            rescan_ns = now_ns + RESCAN_NS
        before_ns, cost_ns = cost_ns, monotonic_ns() - now_ns
        # One tick that took long, such as for being interrupted, says nothing of what the next will cost.
        last_ns, due_ns = now_ns, now_ns + max(TICK_NS, round(min(before_ns, cost_ns) / SHARE))
    watch.end()


def _ask_for_short_slices() -> None:
    """Ask for a core little at a time, and so sooner: sched_setattr(2). It needs no right; Linux heeds it from 6.12."""
    attributes = struct.pack("=IIQiIQQQ", 48, 0, 0, os.getpriority(os.PRIO_PROCESS, 0), 0, SLICE_NS, 0, 0)
    ctypes.CDLL(None).syscall(SCHED_SETATTR[os.uname().machine], 0, attributes, 0)


def _tell(message: protocol.Message) -> None:
    sys.stdout.write(protocol.to_line(message).decode())
    sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
