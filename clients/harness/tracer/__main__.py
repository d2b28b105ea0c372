"""``python -m clients.harness.tracer PID`` watches that process and all that it starts until its own input ends.

It writes an empty line once it watches, and then `Lane`, `Gap` and `Unseen` lines of the protocol.
"""

from __future__ import annotations

import gc
import select
import sys
from contextlib import suppress
from time import monotonic_ns

from clients.harness import protocol
from clients.harness.tracer.watch import Watch, why_not

TICK_NS = 1_000_000
RESCAN_NS = 10_000_000
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
    watch = Watch(pid, _tell)
    last_ns = due_ns = monotonic_ns()
    cost_ns = 0
    rescan_ns = last_ns + RESCAN_NS
    watch.begin(last_ns)
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


def _tell(message: protocol.Message) -> None:
    sys.stdout.write(protocol.to_line(message).decode())
    sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
