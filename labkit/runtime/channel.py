"""Channels: a process or container that can be started, written to, read line by line and stopped."""

from __future__ import annotations

from collections.abc import Iterator
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Protocol

from clients.harness.last_lines import LastLines

STDOUT, STDERR = 1, 2


class Channel(Protocol):
    """A process or container of one runtime."""

    def start(self) -> None:
        """Start it. Raises `MachineError` if it does not start."""

    def send(self, data: bytes) -> None:
        """Write to its standard input. Raises OSError if it has ended."""

    def chunks(self) -> Iterator[tuple[int, bytes]]:
        """Its output until it ends, as (`STDOUT` or `STDERR`, bytes)."""

    def expect_long_output(self) -> None:
        """Read larger pieces from now on, each a little later, where the runtime can."""

    def kill(self) -> None:
        """End it now, with everything that it started."""

    def wait(self, timeout_s: float) -> int | None:
        """Its exit code once it has ended and left nothing behind; None after `timeout_s`."""

    def cpu_s(self) -> float | None:
        """The CPU seconds that it and its children have used; None if the system does not report them."""


class LineReader:
    """Reads the lines of a channel's standard output as they arrive, and keeps the last lines of standard error."""

    def __init__(self, channel: Channel, name: str) -> None:
        self._channel = channel
        self._lines: SimpleQueue[bytes | None] = SimpleQueue()
        self._errors = LastLines()
        self._ended = False
        self._thread = Thread(target=self._read, name=f"lines of {name}", daemon=True)

    def start(self) -> None:
        """Begin to read; the channel has started."""
        self._thread.start()

    @property
    def last_errors(self) -> tuple[str, ...]:
        return self._errors.all()

    def next(self, timeout_s: float) -> bytes | None:
        """The next line, or None at the end. Raises TimeoutError."""
        if self._ended:
            return None
        try:
            line = self._lines.get(timeout=max(0.0, timeout_s))
        except Empty:
            raise TimeoutError from None
        self._ended = line is None
        return line

    def join(self, timeout_s: float) -> None:
        """Wait until all output has been read."""
        if self._thread.ident is not None:  # it was started
            self._thread.join(timeout_s)

    def _read(self) -> None:
        rest = b""
        for stream, chunk in self._channel.chunks():
            if stream == STDERR:
                self._errors.add(chunk)
                continue
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                self._lines.put(line)
        self._lines.put(None)
