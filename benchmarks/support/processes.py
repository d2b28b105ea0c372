"""Processes that end with the benchmark that starts them: when it fails or is interrupted, and after a time limit."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from threading import Timer
from time import monotonic
from typing import IO, Any

from benchmarks.support.model import BenchmarkError
from labkit.system.checkout import ROOT
from labkit.system.interrupts import defer_interrupts, ignore_interrupts

STOP_PATIENCE_S = 30.0
LAST_LINES = 10


@contextmanager
def child(command: Sequence[str], limit_s: float, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Start `command` in the checkout. It is stopped after `limit_s`, or when the context ends."""
    with ExitStack() as stack:
        with defer_interrupts():  # one that breaks into Popen would leave a process that nothing ends
            process = subprocess.Popen(command, **{"cwd": ROOT, "stdin": subprocess.DEVNULL, **options})
            watchdog = Timer(limit_s, process.terminate)
            stack.callback(_end, process, watchdog)
            watchdog.start()
        yield process


def output_of(command: Sequence[str], limit_s: float, exit_codes: tuple[int, ...] = (0,)) -> bytes:
    """The standard output of `command`. Raises `BenchmarkError` with its last lines for other exit codes."""
    began = monotonic()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        with child(command, limit_s, stdout=out, stderr=errors) as process:
            process.wait()
        if process.returncode not in exit_codes:
            stopped = f"stopped after {limit_s:g} s: " if monotonic() - began >= limit_s else ""
            raise BenchmarkError(f"{stopped}{failure(command, process.returncode, errors)}")
        out.seek(0)
        return out.read()


def failure(command: Sequence[str], exit_code: int, errors: IO[bytes]) -> str:
    """The message for a command that failed, with the last lines of its standard error."""
    errors.seek(0)
    lines = errors.read().decode(errors="replace").splitlines()[-LAST_LINES:]
    return "\n    ".join((f"`{' '.join(command)[:200]}` ended with exit code {exit_code}", *lines))


def _end(process: subprocess.Popen[bytes], watchdog: Timer) -> None:
    with ignore_interrupts():
        watchdog.cancel()
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(STOP_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
