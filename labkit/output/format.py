"""Words and numbers for people, and what others wrote made safe to show."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from labkit.model import GridPoint

NOT_MEASURED = "–"
LONGEST_TEXT = 400
SEPARATOR = " · "


def sanitize(text: str) -> str:
    r"""`text` on one line, with whatever a terminal would obey, or not show, spelled out: an escape becomes ``\x1b``.

    What approaches and the server said is data: it must not colour, move or hide anything in a report.
    """
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def shorten(text: str) -> str:
    """`text` sanitized and cut to a few lines."""
    text = sanitize(text)
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"


def format_fixed(value: float | None, decimals: int) -> str:
    """`value` with so many decimals."""
    return NOT_MEASURED if value is None else f"{value:.{decimals}f}"


def format_count(value: int | None) -> str:
    """A whole number."""
    return NOT_MEASURED if value is None else str(value)


def plural(number: int, noun: str) -> str:
    """``1 request``, ``9 requests``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def join_words(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def format_duration(seconds: float) -> str:
    """A rough time: ``40 s``, ``3 min``, ``2 h 5 min``."""
    if seconds <= 90:
        return f"{max(1, ceil(seconds))} s"
    minutes = ceil(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def format_python(version: str, gil: bool | None) -> str:  # noqa: FBT001 - a trial's own
    """A version of Python, and whether it ran with a GIL: ``3.14.0, gil: off``."""
    return sanitize(version) + {True: ", gil: on", False: ", gil: off", None: ""}[gil]


def format_grid_point(point: GridPoint) -> str:
    """The grid point on one line: ``9 requests · 3 sync workers · 1 s delay · limit 3``."""
    server, load = point.server, point.load
    threads = f" × {plural(server.worker_threads, 'thread')}" if server.worker_class == "gthread" else ""
    parts = [
        plural(load.requests, "request"),
        plural(server.workers, f"{server.worker_class} worker") + threads,
        f"{server.delay_s:g} s delay",
        f"limit {load.limit}",
    ]
    if load.handle_s:
        parts.append(f"{load.handle_s * 1000:g} ms to handle a body")
    if load.timeout_s is not None:
        parts.append(f"timeout {load.timeout_s:g} s")
    if point.python is not None:
        parts.append(sanitize(point.python))
    if point.scenario != "baseline":
        parts.insert(0, sanitize(point.scenario))
    return SEPARATOR.join(parts)
