"""Words and numbers for people; text of approaches, servers and users made safe to show."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from labkit.model import GridPoint, ServerConfig

NOT_MEASURED = "–"
LONGEST_TEXT = 400
SEPARATOR = " · "


def sanitize(text: str) -> str:
    r"""Return `text` on one line; an escape sequence for every character that a terminal would obey or not show.

    Output of approaches and of the server is data: it must not colour, move or hide anything in a report.
    """
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def shorten(text: str) -> str:
    """Return `text` sanitized, and cut to a few lines."""
    text = sanitize(text)
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"


def format_fixed(value: float | None, decimals: int, unit: str = "") -> str:
    """Format a number with a fixed number of decimals, and its unit directly behind it."""
    return NOT_MEASURED if value is None else f"{value:.{decimals}f}{unit}"


def format_megabytes(value: int | None) -> str:
    """Format a number of bytes in whole megabytes."""
    return format_fixed(None if value is None else value / 1e6, 0)


def format_count(value: int | None) -> str:
    """Format a whole number."""
    return NOT_MEASURED if value is None else str(value)


def align_intervals(values: Sequence[str], intervals: Sequence[str]) -> tuple[str, ...]:
    """Put each interval behind its value, padded so that values which are aligned to the right line up."""
    widest = max(map(len, intervals), default=0)
    return tuple(value + interval.ljust(widest) for value, interval in zip(values, intervals, strict=True))


def plural(number: int, noun: str) -> str:
    """``1 request``, ``9 requests``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def join_words(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def format_duration(seconds: float) -> str:
    """Format a rough time: ``40 s``, ``3 min``, ``2 h 5 min``."""
    if seconds <= 90:
        return f"{max(1, ceil(seconds))} s"
    minutes = ceil(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def format_python(version: str, gil: bool | None) -> str:  # noqa: FBT001 - a trial's own
    """Format a version of Python and the state of its GIL, if known: ``3.14.0, gil: off``."""
    return sanitize(version) + {True: ", gil: on", False: ", gil: off", None: ""}[gil]


def format_server(server: ServerConfig) -> str:
    """Format a server's configuration: ``3 gthread workers × 2 threads · 1 s delay``."""
    threads = f" × {plural(server.worker_threads, 'thread')}" if server.worker_class == "gthread" else ""
    return f"{plural(server.workers, f'{server.worker_class} worker')}{threads}{SEPARATOR}{server.delay_s:g} s delay"


def format_grid_point(point: GridPoint) -> str:
    """Format a grid point on one line: ``9 requests · 3 sync workers · 1 s delay · limit 3``."""
    load = point.load
    parts = [plural(load.requests, "request"), format_server(point.server), f"limit {load.limit}"]
    if load.handle_s:
        parts.append(f"{load.handle_s * 1000:g} ms to handle a body")
    if load.timeout_s is not None:
        parts.append(f"timeout {load.timeout_s:g} s")
    if point.python is not None:
        parts.append(sanitize(point.python))
    if point.scenario != "baseline":
        parts.insert(0, sanitize(point.scenario))
    return SEPARATOR.join(parts)
