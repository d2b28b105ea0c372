"""The last lines of what something printed, whatever the pieces it came in."""

from __future__ import annotations

from collections import deque

MOST_LINES = 20
LINE_CHARACTERS = 500
# Of a line without an end, no more than this is kept while waiting for one: UTF-8 has four bytes a character at most.
LINE_BYTES = LINE_CHARACTERS * 4


class LastLines:
    """Takes bytes; keeps the last `MOST_LINES` lines that are not blank, each cut at `LINE_CHARACTERS`."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=MOST_LINES)
        self._unfinished = b""

    def add(self, data: bytes) -> None:
        *whole, rest = data.split(b"\n")
        for part in whole:
            self._lines.extend(_shown(self._unfinished + part))
            self._unfinished = b""
        self._unfinished = (self._unfinished + rest)[:LINE_BYTES]

    def all(self) -> tuple[str, ...]:
        """The lines, oldest first; the last one need not have an end."""
        return (*self._lines, *_shown(self._unfinished))[-MOST_LINES:]


def _shown(line: bytes) -> list[str]:
    text = line.decode("utf-8", errors="replace")
    return [part[:LINE_CHARACTERS] for part in text.splitlines() if part.strip()]
