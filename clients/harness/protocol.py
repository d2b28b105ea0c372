"""The one protocol between lab.py and whatever makes requests: JSON Lines, each with ``"v": 1``.

lab.py sends one `Trial`, `Load` or `Script` line: the start signal. The harness says `Ready` (or `Unavailable`)
after its imports, then `Begin` and `Request` for each request (of a load a `Batch` for many), `Sample` now and then,
and `Done`. A harness started with ``--held`` says `Held` before all that, and imports nothing until it is sent an empty
line. Times are nanoseconds on CLOCK_MONOTONIC, which all processes and containers of one kernel share.

Messages are named tuples because the harness starts once a trial: dataclasses would take it 25 ms longer.
"""

from __future__ import annotations

import json
from typing import Any, Literal, NamedTuple

VERSION = 1


class ProtocolError(ValueError):
    """A line that is not of this protocol, or of another version."""


class Trial(NamedTuple):
    """The start signal: call the approach's ``main`` with `urls` now.

    An approach is told `limit`, `timeout_s` and `rate` (requests a second, None for no limit) if it takes them.
    With `handle_ms` each body costs that many milliseconds of pure Python where the approach handles it. With `trace`
    the harness watches what every thread and task does, and tells it in `Lane`s.
    """

    urls: tuple[str, ...]
    limit: int
    timeout_s: float | None
    trial_timeout_s: float
    handle_ms: float = 0.0
    trace: bool = False
    rate: float | None = None


class Load(NamedTuple):
    """The start signal of a load: requests to ``<url>/<id>``, ids from 1, until `duration_s` or `requests` are over.

    Closed, with `spawn_rate`: that many of `users` users start a second, each asks again once it is answered. Open,
    with `rate` and `arrivals` ("constant" or "poisson"): arrivals come by a schedule that follows from `seed`, and at
    most `users` are in flight. What is on its way at the end is waited for `timeout_s`.
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
    """The start signal of somebody's script: run the file called `name` in `folder`, with `arguments`.

    Where that folder cannot be had, `folder` is None and `files` are (name, text) of what it holds. Requests to any of
    `origins` ("host:port") are the lab's business; the first is the server's address. It is watched as a trial with
    `trace` is.
    """

    name: str
    arguments: tuple[str, ...]
    folder: str | None
    files: tuple[tuple[str, str], ...]
    origins: tuple[str, ...]
    trial_timeout_s: float


class Cease(NamedTuple):
    """To a load that runs: begin no more requests, and wait `patience_s` for those that are on their way."""

    patience_s: float


class Held(NamedTuple):
    """The harness runs and waits to be told, by an empty line, to import the approach."""

    approach: str


class Ready(NamedTuple):
    """The approach is imported and waits for the start signal. `gil` is whether its interpreter has one."""

    approach: str
    python: str
    cold_start_s: float
    gil: bool = True


class Unavailable(NamedTuple):
    """The approach cannot run here.

    `kind` is ``needs`` when the interpreter is too old for it or has no package that it needs, ``broken`` when its file
    is at fault.
    """

    approach: str
    kind: Literal["needs", "broken"]
    reason: str


class Begin(NamedTuple):
    """A request was taken up; a `Request` with the same key follows unless its process dies.

    `lane` is the innermost thing that makes it, such as a task; the thread that this runs in is `tid` to the system and
    `thread` to Python.
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
    """A request ended, with an answer (`status`, `bytes`) or an `error`. A phase that did not happen is None."""

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
    """What one process of a load did until `t_ns` and has not told before, in columns, each in the order of time.

    `source` numbers the process from 0. `begun_due_ns` are intended starts, None under a closed load. `ended_start_ns`
    and `ended_ns` are by the load generator's own measure of each request, `statuses` None where no answer came.
    `due` counts all arrivals so far whose time has come, `waiting` those of them for which no user has been free.
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
    """The approach's processes as seen from outside; what the system does not tell is None."""

    t_ns: int
    threads: int
    processes: int
    cpu_s: float
    memory_bytes: int | None
    in_flight: int | None


class Lane(NamedTuple):
    """What one thread or one task did, in columns in the order of time; several of a lane follow one another.

    `kind` is ``thread`` (seen from outside) or ``task`` (told by its event loop; `name` is the task's). `derived` marks
    spans that were not seen as such but follow from others, as the wait of a task whose data lay in the kernel.
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
    """From `start_ns` to `end_ns` nobody watched the threads: the sampler itself did not get a processor."""

    start_ns: int
    end_ns: int


class Unseen(NamedTuple):
    """States that cannot be had here, of ``threads`` or ``tasks``, and why."""

    kind: Literal["thread", "task"]
    reason: str


class Done(NamedTuple):
    """The trial ended.

    `answers` holds, for each body that ``main`` returned, the request id it begins with, or None where it begins with
    none; it is None when ``main`` returned something else than a sequence. Where an exception stands in a body's place,
    `causes` holds what it says. `machine_cpu_s` is the processor time of
    the whole machine between start and end, waiting for a hypervisor included.
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


Signal = Trial | Load | Script
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
KINDS: dict[str, type[Message]] = {
    "trial": Trial,
    "load": Load,
    "script": Script,
    "cease": Cease,
    "held": Held,
    "ready": Ready,
    "unavailable": Unavailable,
    "begin": Begin,
    "request": Request,
    "batch": Batch,
    "sample": Sample,
    "lane": Lane,
    "gap": Gap,
    "unseen": Unseen,
    "done": Done,
}
EVENTS = {kind: event for event, kind in KINDS.items()}


def to_line(message: Message) -> bytes:
    """The message as one line, newline included."""
    return json.dumps({"v": VERSION, "event": EVENTS[type(message)], **message._asdict()}).encode() + b"\n"


def from_line(line: bytes | str) -> Message:
    """The message that `line` holds. Raises `ProtocolError`; fields of a later minor version are passed over."""
    try:
        data = json.loads(line)
        version, event = data["v"], data["event"]
        kind = KINDS[event]
    except (ValueError, KeyError, TypeError) as error:
        text = line.decode(errors="replace") if isinstance(line, bytes) else line
        raise ProtocolError(f"not a line of the protocol: {text[:200]!r}") from error
    if version != VERSION:
        raise ProtocolError(f"protocol version {version!r}; this lab speaks {VERSION}")
    try:
        return kind(**{name: _frozen(data[name]) for name in kind._fields})
    except KeyError as error:
        raise ProtocolError(f"a {event!r} line without {error}") from error


def _frozen(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return tuple(map(tuple, value)) if value and isinstance(value[0], list) else tuple(value)
