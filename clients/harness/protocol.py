"""The one protocol between lab.py and whatever makes requests: JSON Lines, each with ``"v": 1``.

lab.py sends one `Trial` line; that is the start signal. The harness answers with `Ready` (or `Unavailable`) after its
imports, then `Begin` and `Request` for each request, `Sample` now and then, and `Done`. Times are nanoseconds on
CLOCK_MONOTONIC, which all processes and containers of one kernel share.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Literal

VERSION = 1


class ProtocolError(ValueError):
    """A line that is not of this protocol, or of another version."""


@dataclass(frozen=True, slots=True)
class Trial:
    """The start signal: call the approach's ``main`` with `urls` now."""

    event: ClassVar[str] = "trial"
    urls: tuple[str, ...]
    limit: int
    timeout_s: float | None
    trial_timeout_s: float


@dataclass(frozen=True, slots=True)
class Ready:
    """The approach is imported and waits for the start signal."""

    event: ClassVar[str] = "ready"
    approach: str
    python: str
    cold_start_s: float


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The approach cannot run here.

    `kind` is ``needs`` when the interpreter is too old for it, ``broken`` when its file is at fault.
    """

    event: ClassVar[str] = "unavailable"
    approach: str
    kind: Literal["needs", "broken"]
    reason: str


@dataclass(frozen=True, slots=True)
class Begin:
    """A request was taken up; a `Request` with the same key follows unless its process dies."""

    event: ClassVar[str] = "begin"
    key: str
    trial: str
    id: int | str
    lane: str
    pid: int
    start_ns: int


@dataclass(frozen=True, slots=True)
class Request:
    """A request ended, with an answer (`status`, `bytes`) or an `error`. A phase that did not happen is None."""

    event: ClassVar[str] = "request"
    key: str
    trial: str
    id: int | str
    lane: str
    pid: int
    start_ns: int
    connected_ns: int | None
    sent_ns: int | None
    first_byte_ns: int | None
    end_ns: int
    status: int | None
    bytes: int | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Sample:
    """The approach's processes as seen from outside; what the system does not tell is None."""

    event: ClassVar[str] = "sample"
    t_ns: int
    threads: int
    processes: int
    cpu_s: float
    memory_bytes: int | None
    in_flight: int | None


@dataclass(frozen=True, slots=True)
class Done:
    """The trial ended.

    `answers` holds, for each body that ``main`` returned, the request id it begins with, or None where it begins with
    none; it is None when ``main`` returned something else than a sequence. `machine_cpu_s` is the processor time of
    the whole machine between start and end, waiting for a hypervisor included.
    """

    event: ClassVar[str] = "done"
    outcome: Literal["ok", "failed", "crashed", "timeout", "interrupted"]
    error: str | None
    start_ns: int
    end_ns: int
    answers: tuple[int | str | None, ...] | None
    cpu_s: float | None
    machine_cpu_s: float | None
    cpus: int
    last_lines: tuple[str, ...]


Message = Trial | Ready | Unavailable | Begin | Request | Sample | Done
KINDS: dict[str, type[Message]] = {
    kind.event: kind for kind in (Trial, Ready, Unavailable, Begin, Request, Sample, Done)
}


def to_line(message: Message) -> bytes:
    """The message as one line, newline included."""
    return json.dumps({"v": VERSION, "event": message.event, **asdict(message)}).encode() + b"\n"


def from_line(line: bytes | str) -> Message:
    """The message that `line` holds. Raises `ProtocolError`; fields of a later minor version are passed over."""
    try:
        data = json.loads(line)
        version, kind = data["v"], KINDS[data["event"]]
    except (ValueError, KeyError, TypeError) as error:
        text = line.decode(errors="replace") if isinstance(line, bytes) else line
        raise ProtocolError(f"not a line of the protocol: {text[:200]!r}") from error
    if version != VERSION:
        raise ProtocolError(f"protocol version {version!r}; this lab speaks {VERSION}")
    try:
        return kind(**{field.name: _frozen(data[field.name]) for field in fields(kind)})
    except KeyError as error:
        raise ProtocolError(f"a {kind.event!r} line without {error}") from error


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
