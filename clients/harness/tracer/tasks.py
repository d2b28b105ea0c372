"""Records the states of asyncio tasks in their event loop. Only a traced trial imports this module.

A task is *running* during its steps, and *ready* from its wake-up until its next step. Otherwise it waits: for a *lock*
if a step of another task woke it (a semaphore, a queue, an event), for *sleep* if a timer woke it, and for *io* in all
other cases.

While the loop is busy, data can arrive in the kernel unnoticed. TCP_INFO then gives the time since its arrival, and the
task's span is marked as derived.
"""

from __future__ import annotations

import asyncio
import json
import os
import selectors
import socket
import struct
import sys
import threading
from time import monotonic_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context
    from typing import Any

    Emit = Callable[[bytes], object]

IO, LOCK, READY, RUNNING, SLEEP = "io", "lock", "ready", "running", "sleep"
SLEPT_NS = 200_000  # a `select` that took longer has slept: its events have just arrived
MAX_SPANS = 20_000  # in memory
_LAST_DATA_RECEIVED, _LAST_ACK_RECEIVED = 52, 56  # offsets in struct tcp_info; milliseconds since the event


class Cause:
    """An event that makes a task ready: its arrival, when the loop noticed it, and the state of the waiting task."""

    __slots__ = ("arrived_ns", "noticed_ns", "state")

    def __init__(self, arrived_ns: int, noticed_ns: int, state: str) -> None:
        self.arrived_ns = arrived_ns
        self.noticed_ns = noticed_ns
        self.state = state


class _Lane:
    """The spans of one task that were not emitted yet, in columns."""

    __slots__ = ("derived", "ends", "last_ns", "name", "starts", "states", "tid")

    def __init__(self, name: str, start_ns: int) -> None:
        self.name = name
        self.tid = threading.get_native_id()
        self.last_ns = start_ns
        self.clear()

    def clear(self) -> None:
        self.states: list[str] = []
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.derived: list[bool] = []

    def step(self, cause: Cause, start_ns: int, end_ns: int) -> None:
        """Add a step, and the states since the previous step."""
        arrived_ns = min(max(self.last_ns, cause.arrived_ns), start_ns)
        self._add_until(arrived_ns, cause.state)
        self._add_until(min(max(arrived_ns, cause.noticed_ns), start_ns), READY, derived=True)
        self._add_until(start_ns, READY)
        self._add_until(end_ns, RUNNING)

    def _add_until(self, end_ns: int, state: str, *, derived: bool = False) -> None:
        if end_ns > self.last_ns:
            self.states.append(state)
            self.starts.append(self.last_ns)
            self.ends.append(end_ns)
            self.derived.append(derived)
            self.last_ns = end_ns


class Lanes:
    """The lanes of all tasks. They are emitted as protocol lines by `flush`, or when they have `MAX_SPANS` spans."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._active: dict[asyncio.Task[Any], _Lane] = {}
        self._ended: list[_Lane] = []
        self._spans = 0
        self._any = False

    def step(self, task: asyncio.Task[Any], cause: Cause, start_ns: int, end_ns: int) -> None:
        """Record that `task` ran from `start_ns` to `end_ns`, because of `cause`."""
        if task not in self._active:
            self._active[task] = _Lane(task.get_name(), cause.arrived_ns)
        lane = self._active[task]
        before = len(lane.states)
        lane.step(cause, start_ns, end_ns)
        self._spans += len(lane.states) - before
        self._any = True
        if task.done():
            lane.name = task.get_name()
            self._ended.append(self._active.pop(task))
        if self._spans >= MAX_SPANS:
            self.flush()

    def flush(self) -> bool:
        """Emit the spans since the last call. Return True if there was any task."""
        for lane in (*self._ended, *self._active.values()):
            if lane.states:
                self._emit(_to_line(lane))
                lane.clear()
        self._ended.clear()
        self._spans = 0
        return self._any


def _to_line(lane: _Lane) -> bytes:
    fields = {
        "kind": "task",
        "pid": os.getpid(),
        "tid": lane.tid,
        "name": lane.name,
        "states": lane.states,
        "starts_ns": lane.starts,
        "ends_ns": lane.ends,
        "derived": lane.derived,
    }
    return json.dumps({"v": 1, "event": "lane", **fields}).encode() + b"\n"


def install(emit: Emit) -> Lanes:
    """Trace the tasks of every event loop that asyncio creates from now on, also by `asyncio.run`."""
    lanes = Lanes(emit)
    asyncio.new_event_loop = asyncio.events.new_event_loop = lambda: TracedLoop(lanes)
    return lanes


class _Selector(selectors.DefaultSelector):
    """A selector that records when its last two calls returned, and if the last one slept."""

    previous_ns = returned_ns = 0
    slept = False

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.previous_ns, called_ns = self.returned_ns, monotonic_ns()
        events = super().select(timeout)
        self.returned_ns = monotonic_ns()
        self.slept = self.returned_ns - called_ns > SLEPT_NS
        return events


class TracedLoop(asyncio.SelectorEventLoop):
    """asyncio's event loop, which also records the cause and duration of each step of a task.

    A callback that is not a step passes its cause on to all that it wakes. A step is a new cause.
    """

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._cause: Cause | None = None  # of the running callback; None in a step
        self._traced_selector = _Selector()
        super().__init__(self._traced_selector)

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        now_ns = monotonic_ns()
        task = getattr(callback, "__self__", None)
        if not isinstance(task, asyncio.Task):
            cause = self._cause or Cause(now_ns, now_ns, IO)
            return super().call_soon(self._relay, cause, callback, args, context=context)
        cause = self._cause or Cause(now_ns, now_ns, LOCK)
        if not (args and _is_plain_result(args[0])):
            cause = Cause(cause.arrived_ns, cause.noticed_ns, IO)
        return super().call_soon(self._step, cause, task, callback, args, context=context)

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        now_ns = monotonic_ns()
        return super().call_soon_threadsafe(self._relay, Cause(now_ns, now_ns, IO), callback, args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        due_ns = round(when * 1e9)
        return super().call_at(when, self._relay, Cause(due_ns, due_ns, SLEEP), callback, args, context=context)

    def _add_reader(self, fd: int, callback: Callable[..., object], *args: Any) -> asyncio.Handle:
        event = fd, _LAST_DATA_RECEIVED, callback, args
        return super()._add_reader(fd, self._event, *event)  # type: ignore[misc,no-any-return]

    def _add_writer(self, fd: int, callback: Callable[..., object], *args: Any) -> asyncio.Handle:
        event = fd, _LAST_ACK_RECEIVED, callback, args
        return super()._add_writer(fd, self._event, *event)  # type: ignore[misc,no-any-return]

    def _event(self, fd: int, tcp_info: int, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        """Run a callback for a file descriptor. Its event arrived between the last two returns of `select`."""
        arrived_ns = noticed_ns = self._traced_selector.returned_ns
        if not self._traced_selector.slept and (ago_ns := _ago_ns(fd, tcp_info)) is not None:
            arrived_ns = min(max(self._traced_selector.previous_ns, monotonic_ns() - ago_ns), noticed_ns)
        self._relay(Cause(arrived_ns, noticed_ns, IO), callback, args)

    def _relay(self, cause: Cause, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        self._cause = cause
        try:
            callback(*args)
        finally:
            self._cause = None

    def _step(
        self, cause: Cause, task: asyncio.Task[Any], callback: Callable[..., object], args: tuple[Any, ...]
    ) -> None:
        start_ns = monotonic_ns()
        try:
            callback(*args)
        finally:
            self._lanes.step(task, cause, start_ns, monotonic_ns())


def _is_plain_result(future: asyncio.Future[Any]) -> bool:
    """True if the awaited future is not another task and was not cancelled, so its setter woke the task."""
    return type(future) is asyncio.Future and not future.cancelled()


def _ago_ns(fd: int, tcp_info: int) -> int | None:
    """Return the time since the last data or acknowledgement on a TCP socket, in steps of a few milliseconds."""
    if sys.platform != "linux":  # the offsets are for Linux
        return None
    try:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, fileno=fd)
    except OSError:  # a pipe
        return None
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, tcp_info + 4)
        return int(struct.unpack_from("=I", info, tcp_info)[0]) * 1_000_000
    except (OSError, struct.error):  # not TCP, or another tcp_info
        return None
    finally:
        sock.detach()
