"""The tracer process, as seen by the supervisor."""

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
    """Traces process `pid` and its descendants until `end`. `output` is a file descriptor to read."""

    def __init__(self, pid: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-m", "clients.harness.tracer", str(pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C reaches only the supervisor, which then ends the tracer
            env={**os.environ, "PYTHONPATH": ROOT},
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout
        self.output = self._output.fileno()
        self.pid = self._process.pid
        self.ready = False
        self.ended = False
        self._incomplete = b""

    def take(self) -> bytes:
        """Read its output, blocking, and return the complete lines. It is `ready` after the first line."""
        part = os.read(self.output, 1 << 16)
        lines, newline, self._incomplete = (self._incomplete + part).rpartition(b"\n")
        self.ended = not part
        self.ready = self.ready or self.ended or bool(newline)
        return (lines + newline).lstrip(b"\n")

    def end(self) -> bytes:
        """Stop it and return the rest of its output, in complete lines."""
        with suppress(BrokenPipeError):
            self._input.close()
        lines, deadline = b"", monotonic() + PATIENCE_S
        while not self.ended and select.select([self.output], [], [], max(0.0, deadline - monotonic()))[0]:
            lines += self.take()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, deadline - monotonic()))
        if self._process.returncode != 0:
            lines += protocol.to_line(protocol.Unseen("thread", "the tracer failed before the end of the trial"))
        self.close()
        return lines

    def close(self) -> None:
        """Kill it if it is still running."""
        self._process.kill()
        self._process.wait()
        self._output.close()
        with suppress(BrokenPipeError):
            self._input.close()
