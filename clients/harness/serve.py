"""Serves one trial to lab.py, in the protocol."""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn

from clients.harness import protocol
from clients.harness.supervisor import Interrupted, Supervisor

ENDING = (signal.SIGTERM, signal.SIGINT)


def serve(approach: str, *, held: bool) -> int:
    """Serve one trial on standard input and output; what the approach prints goes to standard error.

    The exit code: 0 for a trial served, whatever its outcome, 3 for an approach that cannot run here, 130 when asked to
    end before.
    """
    commands, out = sys.stdin.fileno(), sys.stdout.buffer

    def emit(lines: bytes) -> None:
        out.write(lines)
        out.flush()

    for number in ENDING:
        signal.signal(number, signal.SIG_DFL)
    if held:
        emit(protocol.to_line(protocol.Held(approach)))
        if not os.read(commands, 1):
            return 130
    with Supervisor(approach, emit, commands) as supervisor:
        for number in ENDING:
            signal.signal(number, lambda *_: supervisor.interrupt())
        code = _serve(supervisor)
    try:
        for number in ENDING:
            signal.signal(number, _interrupt)
        while code == 0 and not supervisor.interrupted and os.read(commands, 4096):
            pass  # stay until lab.py lets go: our end must not fall into the next trial
    except Interrupted:
        code = 130
    return code


def _interrupt(*_: object) -> NoReturn:
    raise Interrupted


def _serve(supervisor: Supervisor) -> int:
    try:
        if isinstance(supervisor.wait_until_ready(), protocol.Unavailable):
            return 3
        done = supervisor.run(supervisor.wait_for_signal())
    except (Interrupted, BrokenPipeError):
        return 130
    return 130 if done.outcome == "interrupted" else 0
