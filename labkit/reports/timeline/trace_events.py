"""Single events of the Trace Event format, as Perfetto and chrome://tracing read them.

Sources: "Trace Event Format" by the Chromium authors, and docs/getting-started/other-formats.md of Perfetto, which
requires that the complete events of a thread are nested. Functions take seconds from the start signal; events hold
microseconds. Times are rounded to whole nanoseconds before a duration is taken, so nested spans stay nested.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Track:
    """One thread of the picture. Its numbers are made up: real process ids may appear in several trials."""

    pid: int
    tid: int


@dataclass(frozen=True, slots=True)
class Clock:
    """Puts the start signal of every trial at `zero_s`, so that no time is negative."""

    zero_s: float

    def ns(self, t_s: float) -> int:
        return round((t_s + self.zero_s) * 1e9)

    def us(self, t_s: float) -> float:
        return self.ns(t_s) / 1000


def process(pid: int, name: str) -> list[Event]:
    """A group of tracks. Groups are shown in the order of their numbers."""
    return [_metadata("process_name", pid, 0, name=name), _metadata("process_sort_index", pid, 0, sort_index=pid)]


def thread(track: Track, name: str) -> list[Event]:
    """A track. The tracks of a group are shown in the order of their numbers."""
    return [
        _metadata("thread_name", track.pid, track.tid, name=name),
        _metadata("thread_sort_index", track.pid, track.tid, sort_index=track.tid),
    ]


def _metadata(kind: str, pid: int, tid: int, **args: str | int) -> Event:
    return {"ph": "M", "name": kind, "pid": pid, "tid": tid, "args": args}


def complete(clock: Clock, track: Track, name: str, category: str, span: tuple[float, float], **args: Any) -> Event:
    """A bar from the start of `span` to its end."""
    start_ns, end_ns = (clock.ns(t_s) for t_s in span)
    return {
        "ph": "X",
        "name": name,
        "cat": category,
        "pid": track.pid,
        "tid": track.tid,
        "ts": start_ns / 1000,
        "dur": (end_ns - start_ns) / 1000,
        "args": args,
    }


def arrow(clock: Clock, number: int, start: tuple[Track, float], end: tuple[Track, float]) -> list[Event]:
    """An arrow between two moments, each on a track; it joins the bars around them."""
    common = {"name": "request", "cat": "request", "id": number}
    (from_track, from_s), (to_track, to_s) = start, end
    return [
        {"ph": "s", **common, "pid": from_track.pid, "tid": from_track.tid, "ts": clock.us(from_s)},
        {"ph": "f", "bp": "e", **common, "pid": to_track.pid, "tid": to_track.tid, "ts": clock.us(to_s)},
    ]


def counter(clock: Clock, pid: int, name: str, t_s: float, **value: float) -> Event:
    """One reading of a value that changes over time."""
    return {"ph": "C", "name": name, "pid": pid, "tid": 0, "ts": clock.us(t_s), "args": value}


def instant(clock: Clock, track: Track, name: str, t_s: float) -> Event:
    """A mark at one moment of a track."""
    return {"ph": "i", "s": "p", "name": name, "pid": track.pid, "tid": track.tid, "ts": clock.us(t_s)}
