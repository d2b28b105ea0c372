"""The protocol between lab.py and the harness: JSON Lines, each with ``"v": 1`` and an ``"event"``.

lab.py sends one start signal: a `Trial`, a `Load` or a `Script`. The harness sends `Ready` (or `Unavailable`) after its
imports, then `Begin` and `Request` for each request (during a load a `Batch` for many), `Sample` at intervals, and
`Done`. A harness started with ``--held`` first sends `Held`, and imports nothing until it receives an empty line.

An event has the name of its class in lower case. Times are nanoseconds on CLOCK_MONOTONIC, which all processes and
containers of one kernel share.

Messages are named tuples, because importing dataclasses would add 25 ms to the start of each trial.
"""

from __future__ import annotations

import json
from typing import Any, Literal, NamedTuple, get_args

VERSION = 1


class ProtocolError(ValueError):
    """A line is not a message of this protocol and version."""


class Trial(NamedTuple):
    """The start signal: call the approach's ``main`` with `urls` now.

    An approach gets `limit`, `timeout_s` and `rate` (requests per second, None for unlimited) if its ``main`` takes
    them. Handling a body costs `handle_s` seconds of pure Python. With `trace`, the harness records the states of
    all threads and tasks in `Lane` messages.
    """

    urls: tuple[str, ...]
    limit: int
    timeout_s: float | None
    trial_timeout_s: float
    handle_s: float = 0.0
    trace: bool = False
    rate: float | None = None


class Load(NamedTuple):
    """The start signal of a load: send requests to ``<url>/<id>``, ids from 1, for `duration_s` or `requests` times.

    Closed load: each of `users` users sends its next request after an answer. `spawn_rate` users start per second,
    all at once if it is None. Open load: arrivals follow a schedule, given by `rate` (per second), `arrivals`
    ("constant" or "poisson") and `seed`; at most `users` requests are in flight. Requests in flight at the end get
    `timeout_s` to finish.
    """

    url: str
    users: int
    spawn_rate: float | None
    rate: float | None
    arrivals: str | None
    seed: int
    duration_s: float | None
    requests: int | None
    processes: int
    timeout_s: float
    trial_timeout_s: float


class Script(NamedTuple):
    """The start signal of a user's script: run the file `name` in `folder` with `arguments`, traced.

    If the harness has no access to that folder, `folder` is None and `files` holds its files as (name, text). Only
    requests to `origins` ("host:port") are recorded; the first is the server's address.
    """

    name: str
    arguments: tuple[str, ...]
    folder: str | None
    files: tuple[tuple[str, str], ...]
    origins: tuple[str, ...]
    trial_timeout_s: float


class Cease(NamedTuple):
    """Sent during a load: begin no more requests, and wait at most `patience_s` for those in flight."""

    patience_s: float


class Held(NamedTuple):
    """The harness is running. It waits for an empty line before it imports the approach."""

    approach: str


class Ready(NamedTuple):
    """The approach is imported and waits for the start signal. `gil` is True if its interpreter has a GIL."""

    approach: str
    python: str
    cold_start_s: float
    gil: bool = True


class Unavailable(NamedTuple):
    """The approach cannot run here.

    `kind` is ``needs`` if the interpreter is too old or lacks a package, ``broken`` if the file has an error.
    """

    approach: str
    kind: Literal["needs", "broken"]
    reason: str


class Begin(NamedTuple):
    """A request began. A `Request` with the same key follows, unless its process dies.

    `lane` names the innermost unit that sends it, such as a task. `tid` is the system's id of the thread, and `thread`
    is Python's name of it.
    """

    key: str
    trial: str
    id: int | str
    lane: str
    pid: int
    start_ns: int
    tid: int | None = None
    thread: str | None = None


class Request(NamedTuple):
    """A request ended with an answer (`status`, `bytes`) or an `error`. A phase that was not reached is None."""

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


class Batch(NamedTuple):
    """The requests of one load process up to `t_ns` since its last batch, in columns, each in chronological order.

    `source` numbers the process from 0. `begun_due_ns` holds the intended starts, None for a closed load.
    `ended_start_ns` and `ended_ns` are measured by the load generator. A status is None if there was no answer. `due`
    counts all arrivals so far; `waiting` counts those that have not found a free user.
    """

    source: int
    t_ns: int
    begun: tuple[int, ...]
    begun_ns: tuple[int, ...]
    begun_due_ns: tuple[int, ...] | None
    ended: tuple[int, ...]
    ended_start_ns: tuple[int, ...]
    ended_ns: tuple[int, ...]
    statuses: tuple[int | None, ...]
    sizes: tuple[int | None, ...]
    errors: tuple[str | None, ...]
    due: int
    waiting: int


class Sample(NamedTuple):
    """Resource usage of the approach's processes, measured from outside; None if the system does not report it."""

    t_ns: int
    threads: int
    processes: int
    cpu_s: float
    memory_bytes: int | None
    in_flight: int | None


class Lane(NamedTuple):
    """The states of one thread or task, in columns in chronological order. A lane can have several messages.

    `kind` is ``thread`` (sampled from outside) or ``task`` (recorded by its event loop, with the task's `name`).
    `derived` marks spans that were computed, such as the wait of a task while its data was in the kernel.
    """

    kind: Literal["thread", "task"]
    pid: int
    tid: int
    name: str
    states: tuple[str, ...]
    starts_ns: tuple[int, ...]
    ends_ns: tuple[int, ...]
    derived: tuple[bool, ...]


class Gap(NamedTuple):
    """The tracer took no samples from `start_ns` to `end_ns`, because it did not get a CPU."""

    start_ns: int
    end_ns: int


class Unseen(NamedTuple):
    """States of threads or tasks that cannot be recorded here, and the reason."""

    kind: Literal["thread", "task"]
    reason: str


class Done(NamedTuple):
    """The trial ended.

    `answers` holds the request id at the start of each body that ``main`` returned, or None for a body without one; it
    is None if ``main`` did not return a sequence. `causes` holds the text of each exception that takes the place of a
    body. `machine_cpu_s` is the CPU time of the whole machine between start and end, including steal time.
    """

    outcome: Literal["ok", "failed", "crashed", "timeout", "interrupted"]
    error: str | None
    start_ns: int
    end_ns: int
    answers: tuple[int | str | None, ...] | None
    cpu_s: float | None
    machine_cpu_s: float | None
    cpus: int
    last_lines: tuple[str, ...]
    causes: tuple[str | None, ...] | None = None


StartSignal = Trial | Load | Script
Message = (
    Trial
    | Load
    | Script
    | Cease
    | Held
    | Ready
    | Unavailable
    | Begin
    | Request
    | Batch
    | Sample
    | Lane
    | Gap
    | Unseen
    | Done
)
TYPES: dict[str, type[Message]] = {kind.__name__.lower(): kind for kind in get_args(Message)}


def event_name(message: Message) -> str:
    """Return the value of ``"event"`` in the message's line."""
    return type(message).__name__.lower()


def to_line(message: Message) -> bytes:
    """Serialize a message to one line, including the newline."""
    return json.dumps({"v": VERSION, "event": event_name(message), **message._asdict()}).encode() + b"\n"


def from_line(line: bytes | str) -> Message:
    """Parse a line. Raises `ProtocolError`; unknown fields, as of a later minor version, are ignored."""
    try:
        data = json.loads(line)
        version, event = data["v"], data["event"]
        kind = TYPES[event]
    except (ValueError, KeyError, TypeError) as error:
        text = line.decode(errors="replace") if isinstance(line, bytes) else line
        raise ProtocolError(f"not a message of the protocol: {text[:200]!r}") from error
    if version != VERSION:
        raise ProtocolError(f"protocol version {version!r}; this lab supports version {VERSION}")
    try:
        return kind(**{name: _as_tuples(data[name]) for name in kind._fields})
    except KeyError as error:
        raise ProtocolError(f"a {event!r} line without {error}") from error


def _as_tuples(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return tuple(map(tuple, value)) if value and isinstance(value[0], list) else tuple(value)
