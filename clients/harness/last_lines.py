"""The last lines of a byte stream that arrives in pieces."""

from __future__ import annotations

from collections import deque

MAX_LINES = 20
LINE_CHARACTERS = 500
# The limit for a line without an end: UTF-8 has at most four bytes per character.
LINE_BYTES = LINE_CHARACTERS * 4


class LastLines:
    """The last `MAX_LINES` lines that are not blank, each cut at `LINE_CHARACTERS`."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=MAX_LINES)
        self._unfinished = b""

    def add(self, data: bytes) -> None:
        *whole, rest = data.split(b"\n")
        for part in whole:
            self._lines.extend(_decode(self._unfinished + part))
            self._unfinished = b""
        self._unfinished = (self._unfinished + rest)[:LINE_BYTES]

    def all(self) -> tuple[str, ...]:
        """Return the lines, oldest first. The last one may be incomplete."""
        return (*self._lines, *_decode(self._unfinished))[-MAX_LINES:]


def _decode(line: bytes) -> list[str]:
    text = line.decode("utf-8", errors="replace")
    return [part[:LINE_CHARACTERS] for part in text.splitlines() if part.strip()]
