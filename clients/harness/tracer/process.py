"""The tracer as the supervisor holds it: a process beside the measured one."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from contextlib import suppress
from time import monotonic

from clients.harness import protocol
from clients.harness.child import ROOT

PATIENCE_S = 5.0


class Tracer:
    """Watches process `pid` and all below it until it is told to end. `output` is a descriptor to read from."""

    def __init__(self, pid: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-m", "clients.harness.tracer", str(pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the supervisor, which ends this in its order
            env={**os.environ, "PYTHONPATH": ROOT},
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout
        self.output = self._output.fileno()
        self.pid = self._process.pid
        self.ready = False
        self.ended = False
        self._unfinished = b""

    def take(self) -> bytes:
        """What it tells, in whole lines; waits for it. It is `ready` once it watches, or has said why it does not."""
        part = os.read(self.output, 1 << 16)
        whole, newline, self._unfinished = (self._unfinished + part).rpartition(b"\n")
        self.ended = not part
        self.ready = self.ready or self.ended or bool(newline)
        return (whole + newline).lstrip(b"\n")

    def end(self) -> bytes:
        """Have it end; what it had not told before, in whole lines."""
        with suppress(BrokenPipeError):
            self._input.close()
        told, deadline = b"", monotonic() + PATIENCE_S
        while not self.ended and select.select([self.output], [], [], max(0.0, deadline - monotonic()))[0]:
            told += self.take()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, deadline - monotonic()))
        if self._process.returncode != 0:
            told += protocol.to_line(protocol.Unseen("thread", "the tracer failed before the trial was over"))
        self.close()
        return told

    def close(self) -> None:
        """End it if it still runs."""
        self._process.kill()
        self._process.wait()
        self._output.close()
        with suppress(BrokenPipeError):
            self._input.close()
