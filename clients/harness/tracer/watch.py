"""Samples all threads of a process and of its descendants, and emits their states as messages of the protocol."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property

from clients.harness import protocol
from clients.harness.sampler import descendants
from clients.harness.tracer.interpreter import Interpreter, inspect_process
from clients.harness.tracer.spans import Tick, append_tick, to_spans
from clients.harness.tracer.threads import GIL, MACHINES, Thread

GAP_NS = 15_000_000  # after a tick this late, the states before it are unknown
MIN_WAIT_NS = 50_000  # shorter waits for a core are normal at a wake-up, and would clutter the lane
MAX_TICKS = 500  # in memory, per thread

Emit = Callable[[protocol.Message], None]


class Process:
    """One traced process, with its threads by thread id."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.lanes: dict[int, _Lane] = {}
        self._numbers = 0

    @cached_property
    def python(self) -> Interpreter:
        """Inspected at the first use, because a new process may soon execute another program."""
        try:
            return inspect_process(self.pid)
        except OSError:  # it has just ended
            return Interpreter(range(0), ())

    def tids(self) -> set[int]:
        """Return the ids of its threads; empty after it has ended."""
        try:
            return set(map(int, os.listdir(f"/proc/{self.pid}/task")))
        except (FileNotFoundError, ProcessLookupError):
            return set()

    @cached_property
    def comm(self) -> str:
        """Its name in the system, which is also the name of its unnamed threads."""
        with suppress(OSError), open(f"/proc/{self.pid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().rstrip("\n")
        return ""

    def next_number(self) -> int:
        self._numbers += 1
        return self._numbers


class _Lane:
    """A thread with the samples that were not emitted yet."""

    def __init__(self, process: Process, tid: int, t_ns: int) -> None:
        self._process = process
        self._tid = tid
        self._thread = Thread(process.pid, tid)
        self._name: str | None = "MainThread" if tid == process.pid else None
        self._number = 0 if self._name else process.next_number()
        self._ticks: list[Tick] = []
        try:
            self.sample(t_ns)
        except OSError:
            self.close()
            raise

    def sample(self, t_ns: int, *, after_gap: bool = False) -> protocol.Lane | None:
        """Take one sample. Return a message if one is due. Raises ProcessLookupError after the thread has ended."""
        state, futex, waited_ns = self._thread.sample()
        if futex is not None and futex in self._process.python.runtime:
            state = GIL
        lane = self.flush() if after_gap or len(self._ticks) >= MAX_TICKS else None
        if after_gap:
            self._ticks.clear()
        is_long = bool(self._ticks) and waited_ns >= MIN_WAIT_NS
        append_tick(self._ticks, Tick(t_ns, state, waited_ns if is_long else 0))
        return lane

    def find_name(self) -> None:
        """Look for a name that the program has set. Python 3.14 and newer set it when the thread runs."""
        if self._name is None:
            with suppress(OSError):
                comm = self._thread.comm()
                self._name = comm if comm != self._process.comm else None

    def flush(self, end_ns: int | None = None) -> protocol.Lane | None:
        """Return the spans since the last call. A thread that ended before `end_ns` ends midway to that time."""
        ticks = self._ticks
        if end_ns is not None:
            ticks.append(ticks[-1]._replace(t_ns=(ticks[-1].t_ns + end_ns) // 2, waited_ns=0))
        spans = to_spans(ticks)
        self._ticks = [ticks[-1]._replace(waited_ns=0)]
        if not spans:
            return None
        return protocol.Lane(
            kind="thread",
            pid=self._process.pid,
            tid=self._tid,
            name=self._name or f"thread-{self._number}",
            states=tuple(span.state for span in spans),
            starts_ns=tuple(span.start_ns for span in spans),
            ends_ns=tuple(span.end_ns for span in spans),
            derived=(False,) * len(spans),
        )

    def close(self) -> None:
        self._thread.close()


class Watch:
    """All threads of process `root` and of its descendants."""

    def __init__(self, root: int, emit: Emit) -> None:
        self._root = root
        self._emit = emit
        self._descendants = descendants(root)
        self._processes: dict[int, Process] = {}
        self._reasons: set[str] = set()

    @property
    def active(self) -> bool:
        """True if there is a thread to sample."""
        return any(process.lanes for process in self._processes.values())

    def begin(self, t_ns: int) -> None:
        """Find the processes and threads, and inspect the root's Python in advance, because that is slow."""
        self.rescan(t_ns)
        if self._root in self._processes:
            _ = self._processes[self._root].python

    def rescan(self, t_ns: int) -> None:
        """Find new processes and threads, and drop processes that have ended."""
        for pid in {self._root} | self._descendants.pids():
            process = self._processes.setdefault(pid, Process(pid))
            for tid in process.tids() - process.lanes.keys():
                self._begin(process, tid, t_ns)
            for lane in process.lanes.values():
                lane.find_name()
        self._processes = {pid: process for pid, process in self._processes.items() if process.lanes}

    def tick(self, t_ns: int, last_ns: int, due_ns: int) -> None:
        """Sample every thread. The previous tick was at `last_ns`; this one was due at `due_ns`."""
        late = t_ns - due_ns > GAP_NS
        if late:
            self._emit(protocol.Gap(last_ns, t_ns))
        for process in self._processes.values():
            for tid, lane in list(process.lanes.items()):
                try:
                    message = lane.sample(t_ns, after_gap=late)
                except OSError as error:
                    self._end(process, tid, last_ns if late else t_ns, error)
                else:
                    self._emit_lane(message)

    def end(self) -> None:
        """Emit the rest."""
        for process in self._processes.values():
            with suppress(OSError):
                # It may have loaded a library with limitations after the first inspection.
                for limitation in inspect_process(process.pid).limitations:
                    self._report_unseen(limitation)
            for lane in process.lanes.values():
                self._emit_lane(lane.flush())
                lane.close()

    def _begin(self, process: Process, tid: int, t_ns: int) -> None:
        try:
            process.lanes[tid] = _Lane(process, tid, t_ns)
        except ProcessLookupError:
            pass
        except OSError as error:
            if tid in process.tids():
                self._report_unseen(_denied(error))

    def _end(self, process: Process, tid: int, t_ns: int, error: OSError) -> None:
        lane = process.lanes.pop(tid)
        self._emit_lane(lane.flush(t_ns))
        lane.close()
        if not isinstance(error, ProcessLookupError):
            self._report_unseen(_denied(error))

    def _emit_lane(self, lane: protocol.Lane | None) -> None:
        if lane is not None:
            self._emit(lane)

    def _report_unseen(self, reason: str) -> None:
        if reason not in self._reasons:
            self._reasons.add(reason)
            self._emit(protocol.Unseen("thread", reason))


def find_obstacle() -> str | None:
    """Return the reason why threads cannot be sampled on this system; None if they can."""
    if not os.path.exists("/proc/self/task"):
        return "this system has no /proc with the states of threads"
    if not os.path.exists("/proc/self/syscall"):
        return "this kernel does not report the system call in which a thread waits"
    if (machine := os.uname().machine) not in MACHINES:
        return f"the system call numbers of this machine ({machine}) are unknown"
    return None


def _denied(error: OSError) -> str:
    return f"access to threads of other processes is denied: /proc/PID/task/TID/syscall: {error.strerror or error}"
