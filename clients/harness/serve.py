"""Serves one trial to lab.py, in the protocol."""

from __future__ import annotations

import signal
import sys

from clients.harness import protocol
from clients.harness.supervisor import Interrupted, Supervisor

ENDING = (signal.SIGTERM, signal.SIGINT)


def serve(approach: str, *, held: bool) -> int:
    """Serve one trial on standard input and output; what the approach prints goes to standard error.

    The exit code: 0 for a trial served, whatever its outcome, 3 for an approach that cannot run here, 130 when asked to
    end before.
    """
    commands, out = sys.stdin.buffer, sys.stdout.buffer

    def emit(lines: bytes) -> None:
        out.write(lines)
        out.flush()

    if held and not commands.readline():
        return 130
    with Supervisor(approach, emit, commands) as supervisor:
        for number in ENDING:
            signal.signal(number, lambda *_: supervisor.interrupt())
        try:
            if isinstance(supervisor.wait_until_ready(), protocol.Unavailable):
                return 3
            line = commands.readline()
            if not line:
                return 130
            supervisor.run(protocol.from_line(line))  # type: ignore[arg-type]
        except (Interrupted, BrokenPipeError):
            return 130
    for number in ENDING:
        signal.signal(number, signal.SIG_DFL)
    commands.read()  # stay until lab.py lets go: our end must not fall into the next trial
    return 0
