"""Runs one trial for lab.py, controlled through the protocol."""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn

from clients.harness import protocol
from clients.harness.supervisor import Interrupted, Supervisor

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def serve(approach: str, *, held: bool) -> int:
    """Run one trial through standard input and output. The approach's own output goes to standard error.

    Return the exit code: 0 for a trial with any outcome, 3 if the approach cannot run here, 130 if interrupted.
    """
    commands, out = sys.stdin.fileno(), sys.stdout.buffer

    def emit(lines: bytes) -> None:
        out.write(lines)
        out.flush()

    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    if held:
        emit(protocol.to_line(protocol.Held(approach)))
        if not os.read(commands, 1):
            return 130
    with Supervisor(approach, emit, commands) as supervisor:
        for number in STOP_SIGNALS:
            signal.signal(number, lambda *_: supervisor.interrupt())
        code = _serve(supervisor)
    try:
        for number in STOP_SIGNALS:
            signal.signal(number, _interrupt)
        while code == 0 and not supervisor.interrupted and os.read(commands, 4096):
            pass  # wait for lab.py, so that the exit of this process does not disturb the next trial
    except Interrupted:
        code = 130
    return code


def _interrupt(*_: object) -> NoReturn:
    raise Interrupted


def _serve(supervisor: Supervisor) -> int:
    try:
        if isinstance(supervisor.wait_until_ready(), protocol.Unavailable):
            return 3
        done = supervisor.run(supervisor.wait_for_start_signal())
    except (Interrupted, BrokenPipeError):
        return 130
    return 130 if done.outcome == "interrupted" else 0
