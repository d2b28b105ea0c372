"""The states of asyncio's tasks, told by their event loop. Imported for a traced trial alone.

A task is *running* during its steps and *ready* from what woke it until its step. The rest it waits: for a *lock* if
another task's step woke it (a semaphore, a queue, an event), for *sleep* if a timer did, and otherwise for *io*.

Data lies in the kernel, unseen, while the loop is busy: then TCP_INFO says how long ago it came. Such a part
is derived.
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

    Tell = Callable[[bytes], object]

IO, LOCK, READY, RUNNING, SLEEP = "io", "lock", "ready", "running", "sleep"
SLEPT_NS = 200_000  # a `select` that took longer did sleep: what it returned has only just come
MOST_SPANS = 20_000  # in memory
_LAST_DATA_RECEIVED, _LAST_ACK_RECEIVED = 52, 56  # struct tcp_info, milliseconds ago


class Cause:
    """What makes a task ready: it came at `came_ns`, was seen at `seen_ns`, and the task waited for it in `state`."""

    __slots__ = ("came_ns", "seen_ns", "state")

    def __init__(self, came_ns: int, seen_ns: int, state: str) -> None:
        self.came_ns = came_ns
        self.seen_ns = seen_ns
        self.state = state


class _Lane:
    """What one task did and was not told yet: spans in columns."""

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
        """Add a step, and before it what the task did since the one before."""
        came_ns = min(max(self.last_ns, cause.came_ns), start_ns)
        self._until(came_ns, cause.state)
        self._until(min(max(came_ns, cause.seen_ns), start_ns), READY, derived=True)
        self._until(start_ns, READY)
        self._until(end_ns, RUNNING)

    def _until(self, end_ns: int, state: str, *, derived: bool = False) -> None:
        if end_ns > self.last_ns:
            self.states.append(state)
            self.starts.append(self.last_ns)
            self.ends.append(end_ns)
            self.derived.append(derived)
            self.last_ns = end_ns


class Lanes:
    """The lanes of all tasks; they are told in lines of the protocol, when there is much to tell and by `flush`."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._living: dict[asyncio.Task[Any], _Lane] = {}
        self._ended: list[_Lane] = []
        self._spans = 0
        self._any = False

    def step(self, task: asyncio.Task[Any], cause: Cause, start_ns: int, end_ns: int) -> None:
        """`task` ran from `start_ns` to `end_ns`, because of `cause`."""
        if task not in self._living:
            self._living[task] = _Lane(task.get_name(), cause.came_ns)
        lane = self._living[task]
        before = len(lane.states)
        lane.step(cause, start_ns, end_ns)
        self._spans += len(lane.states) - before
        self._any = True
        if task.done():
            lane.name = task.get_name()
            self._ended.append(self._living.pop(task))
        if self._spans >= MOST_SPANS:
            self.flush()

    def flush(self) -> bool:
        """Tell what was not told yet; returns whether there has ever been a task."""
        for lane in (*self._ended, *self._living.values()):
            if lane.states:
                self._tell(_line(lane))
                lane.clear()
        self._ended.clear()
        self._spans = 0
        return self._any


def _line(lane: _Lane) -> bytes:
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


def install(tell: Tell) -> Lanes:
    """Have every loop that asyncio makes from now on watch its tasks: those of `asyncio.run` too."""
    lanes = Lanes(tell)
    asyncio.new_event_loop = asyncio.events.new_event_loop = lambda: WatchedLoop(lanes)
    return lanes


class _Selector(selectors.DefaultSelector):
    """Knows when its last call and the one before returned, and whether the last one slept."""

    before_ns = returned_ns = 0
    slept = False

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.before_ns, called_ns = self.returned_ns, monotonic_ns()
        found = super().select(timeout)
        self.returned_ns = monotonic_ns()
        self.slept = self.returned_ns - called_ns > SLEPT_NS
        return found


class WatchedLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop, which also notes for each step of a task what caused it and how long it took.

    A callback that is no step passes its cause on: whatever it wakes was made ready by that. A step is a new cause.
    """

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._cause: Cause | None = None  # of the callback that runs now; None in a step
        self._poll = _Selector()
        super().__init__(self._poll)

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        now_ns = monotonic_ns()
        task = getattr(callback, "__self__", None)
        if not isinstance(task, asyncio.Task):
            cause = self._cause or Cause(now_ns, now_ns, IO)
            return super().call_soon(self._relay, cause, callback, args, context=context)
        cause = self._cause or Cause(now_ns, now_ns, LOCK)
        if not (args and _is_awaited_for_itself(args[0])):
            cause = Cause(cause.came_ns, cause.seen_ns, IO)
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
        """A callback for a descriptor. What it is for came between the last two returns of `select`."""
        came_ns = seen_ns = self._poll.returned_ns
        if not self._poll.slept and (ago_ns := _ago_ns(fd, tcp_info)) is not None:
            came_ns = min(max(self._poll.before_ns, monotonic_ns() - ago_ns), seen_ns)
        self._relay(Cause(came_ns, seen_ns, IO), callback, args)

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


def _is_awaited_for_itself(future: asyncio.Future[Any]) -> bool:
    """Whether a task that waited for this waited for whoever set it, and not for another task or in vain."""
    return type(future) is asyncio.Future and not future.cancelled()


def _ago_ns(fd: int, tcp_info: int) -> int | None:
    """How long ago the last data, or acknowledgement, came on a TCP socket; in steps of some milliseconds."""
    if sys.platform != "linux":  # the numbers below are Linux's
        return None
    try:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, fileno=fd)
    except OSError:  # a pipe
        return None
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, tcp_info + 4)
        return int(struct.unpack_from("=I", info, tcp_info)[0]) * 1_000_000
    except (OSError, struct.error):  # not TCP, or another system's tcp_info
        return None
    finally:
        sock.detach()
