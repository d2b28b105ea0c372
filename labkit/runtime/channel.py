"""A process or container, as something to start, to send to, to read lines from and to stop."""

from __future__ import annotations

from collections.abc import Iterator
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Protocol

from clients.harness.last_lines import LastLines

STDOUT, STDERR = 1, 2


class Channel(Protocol):
    """What a runtime has to offer for each process or container."""

    def start(self) -> None:
        """Start it. Raises `MachineError` when it does not."""

    def send(self, data: bytes) -> None:
        """Write to its standard input. Raises OSError when it is gone."""

    def chunks(self) -> Iterator[tuple[int, bytes]]:
        """What it writes, as (`STDOUT` or `STDERR`, bytes), until it ends."""

    def expect_many(self) -> None:
        """Much is going to come: read it in larger pieces, a little later each, where that can be."""

    def kill(self) -> None:
        """End it now, with all that it started."""

    def wait(self, timeout_s: float) -> int | None:
        """Its exit code once it has ended and left nothing behind; None if it has not after `timeout_s`."""

    def cpu_s(self) -> float | None:
        """Processor seconds that it and all it started have used, or None where that cannot be read."""


class Lines:
    """The lines of a channel's standard output, read as they come; of standard error the last few are kept."""

    def __init__(self, channel: Channel, name: str) -> None:
        self._channel = channel
        self._lines: SimpleQueue[bytes | None] = SimpleQueue()
        self._errors = LastLines()
        self._ended = False
        self._thread = Thread(target=self._read, name=f"lines of {name}", daemon=True)

    def start(self) -> None:
        """Begin to read: the channel has started."""
        self._thread.start()

    @property
    def last_errors(self) -> tuple[str, ...]:
        return self._errors.all()

    def next(self, timeout_s: float) -> bytes | None:
        """The next line, or None when the channel has ended. Raises TimeoutError."""
        if self._ended:
            return None
        try:
            line = self._lines.get(timeout=max(0.0, timeout_s))
        except Empty:
            raise TimeoutError from None
        self._ended = line is None
        return line

    def join(self, timeout_s: float) -> None:
        """Wait until everything that was written has been read."""
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
