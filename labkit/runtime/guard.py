"""Run a command that must not outlive its parent: ``python -m labkit.runtime.guard COMMAND…``.

The command runs in a session of its own. The guard kills the whole session on SIGTERM, and when its standard input
ends, because the parent closed it or died. The exit code is the command's.
"""

from __future__ import annotations

import ctypes
import os
import selectors
import signal
import subprocess
import sys
from contextlib import suppress

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(command: list[str]) -> int:
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_end_with_parent,  # noqa: PLW1509 - no threads
    )
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    selector = selectors.DefaultSelector()
    selector.register(woken, selectors.EVENT_READ)
    selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
    while process.poll() is None:
        for key, _ in selector.select(1.0):
            data = os.read(key.fd, 4096)
            ended = not data if key.fd != woken else signal.SIGTERM in data or signal.SIGINT in data
            if ended:
                _kill(process.pid)
                process.wait()
    _kill(process.pid)
    return process.returncode if process.returncode >= 0 else 128 - process.returncode


def _end_with_parent() -> None:
    """Make the kernel end the command if the guard itself is killed: prctl(2), Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def _kill(session: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(session, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
