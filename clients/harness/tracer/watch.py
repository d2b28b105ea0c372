"""Watches all threads of a process and of what it starts, and tells what they did in lines of the protocol."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property

from clients.harness import protocol
from clients.harness.sampler import processes_below
from clients.harness.tracer.interpreter import Interpreter, interpreter
from clients.harness.tracer.spans import Span, Tick, keep, spans
from clients.harness.tracer.threads import GIL, MACHINES, Thread

GAP_NS = 15_000_000  # a tick that is so late does not say what happened before it
SHORTEST_WAIT_NS = 50_000  # most wake-ups wait some microseconds for a core, and to show each would help nobody
MOST_TICKS = 500  # in memory, of a thread

Tell = Callable[[protocol.Message], None]


class Process:
    """One process that is watched, with its threads by their ids."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.lanes: dict[int, _Lane] = {}
        self._numbers = 0

    @cached_property
    def python(self) -> Interpreter:
        """Found out when it is needed first, because a new process may be about to become another program."""
        try:
            return interpreter(self.pid)
        except OSError:  # it has just ended
            return Interpreter(range(0), ())

    def tids(self) -> set[int]:
        """The ids of its threads now; none once it has ended."""
        try:
            return set(map(int, os.listdir(f"/proc/{self.pid}/task")))
        except (FileNotFoundError, ProcessLookupError):
            return set()

    @cached_property
    def comm(self) -> str:
        """What the system calls it when one of its threads is first looked at, and so its threads that have no name."""
        with suppress(OSError), open(f"/proc/{self.pid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().rstrip("\n")
        return ""

    def number(self) -> int:
        self._numbers += 1
        return self._numbers


class _Lane:
    """A thread with what was seen of it and not told yet."""

    def __init__(self, process: Process, tid: int, t_ns: int) -> None:
        self._process = process
        self._tid = tid
        self._thread = Thread(process.pid, tid)
        self._name: str | None = "MainThread" if tid == process.pid else None
        self._number = 0 if self._name else process.number()
        self._ticks: list[Tick] = []
        try:
            self.look(t_ns)
        except OSError:
            self.close()
            raise

    def look(self, t_ns: int, *, after_gap: bool = False) -> protocol.Lane | None:
        """Take one tick; what is to be told now is returned. Raises ProcessLookupError once the thread has ended."""
        state, futex, waited_ns = self._thread.look()
        if futex is not None and futex in self._process.python.runtime:
            state = GIL
        told = self.told() if after_gap or len(self._ticks) >= MOST_TICKS else None
        if after_gap:
            self._ticks.clear()
        shown = bool(self._ticks) and waited_ns >= SHORTEST_WAIT_NS
        keep(self._ticks, Tick(t_ns, state, waited_ns if shown else 0))
        return told

    def find_name(self) -> None:
        """Take the name that somebody gave it: Python does from 3.14 on, once the thread runs."""
        if self._name is None:
            with suppress(OSError):
                comm = self._thread.comm()
                self._name = comm if comm != self._process.comm else None

    def told(self, end_ns: int | None = None) -> protocol.Lane | None:
        """What was seen and not told yet; if the thread ended before `end_ns`, up to midway to that."""
        ticks = self._ticks
        if end_ns is not None:
            ticks.append(ticks[-1]._replace(t_ns=(ticks[-1].t_ns + end_ns) // 2, waited_ns=0))
        found: list[Span] = spans(ticks)
        self._ticks = [ticks[-1]._replace(waited_ns=0)]
        if not found:
            return None
        return protocol.Lane(
            kind="thread",
            pid=self._process.pid,
            tid=self._tid,
            name=self._name or f"thread-{self._number}",
            states=tuple(span.state for span in found),
            starts_ns=tuple(span.start_ns for span in found),
            ends_ns=tuple(span.end_ns for span in found),
            derived=(False,) * len(found),
        )

    def close(self) -> None:
        self._thread.close()


class Watch:
    """All threads of process `root` and of the processes below it."""

    def __init__(self, root: int, tell: Tell) -> None:
        self._root = root
        self._tell = tell
        self._below = processes_below(root)
        self._processes: dict[int, Process] = {}
        self._unseen: set[str] = set()

    @property
    def watches(self) -> bool:
        """Whether there is any thread to watch."""
        return any(process.lanes for process in self._processes.values())

    def begin(self, t_ns: int) -> None:
        """Find what there is, and learn beforehand what takes long to find out."""
        self.rescan(t_ns)
        if self._root in self._processes:
            _ = self._processes[self._root].python

    def rescan(self, t_ns: int) -> None:
        """Find new processes and threads, and let go of those that have ended."""
        for pid in {self._root} | self._below.pids():
            process = self._processes.setdefault(pid, Process(pid))
            for tid in process.tids() - process.lanes.keys():
                self._begin(process, tid, t_ns)
            for lane in process.lanes.values():
                lane.find_name()
        self._processes = {pid: process for pid, process in self._processes.items() if process.lanes}

    def tick(self, t_ns: int, last_ns: int, due_ns: int) -> None:
        """Look at every thread; the tick before this one was at `last_ns`, and this one was due at `due_ns`."""
        late = t_ns - due_ns > GAP_NS
        if late:
            self._tell(protocol.Gap(last_ns, t_ns))
        for process in self._processes.values():
            for tid, lane in list(process.lanes.items()):
                try:
                    told = lane.look(t_ns, after_gap=late)
                except OSError as error:
                    self._end(process, tid, last_ns if late else t_ns, error)
                else:
                    self._tell_lane(told)

    def end(self) -> None:
        """Tell all that is left to tell."""
        for process in self._processes.values():
            with suppress(OSError):
                # It may have loaded what makes for a doubt since it was first looked at.
                for doubt in interpreter(process.pid).doubts:
                    self._miss(doubt)
            for lane in process.lanes.values():
                self._tell_lane(lane.told())
                lane.close()

    def _begin(self, process: Process, tid: int, t_ns: int) -> None:
        try:
            process.lanes[tid] = _Lane(process, tid, t_ns)
        except ProcessLookupError:
            pass
        except OSError as error:
            if tid in process.tids():
                self._miss(_hidden(error))

    def _end(self, process: Process, tid: int, t_ns: int, error: OSError) -> None:
        lane = process.lanes.pop(tid)
        self._tell_lane(lane.told(t_ns))
        lane.close()
        if not isinstance(error, ProcessLookupError):
            self._miss(_hidden(error))

    def _tell_lane(self, lane: protocol.Lane | None) -> None:
        if lane is not None:
            self._tell(lane)

    def _miss(self, reason: str) -> None:
        if reason not in self._unseen:
            self._unseen.add(reason)
            self._tell(protocol.Unseen("thread", reason))


def why_not() -> str | None:
    """Why no thread can be watched on this system; None where they can."""
    if not os.path.exists("/proc/self/task"):
        return "this system has no /proc that tells what threads do"
    if not os.path.exists("/proc/self/syscall"):
        return "this kernel does not tell which system call a thread waits in"
    if (machine := os.uname().machine) not in MACHINES:
        return f"the numbers of this machine's system calls ({machine}) are not known"
    return None


def _hidden(error: OSError) -> str:
    return f"the system hides what another process's threads do: /proc/PID/task/TID/syscall: {error.strerror or error}"
