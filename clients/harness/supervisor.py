"""The supervisor: starts the measured process, passes the start signal on, samples, relays, and cleans up.

Whatever the approach starts stays below it, orphans too, and nothing of that outlives the trial.
However the approach ends (an answer, an exception, a crash, a hang), `run` reports it as a `Done`.
"""

from __future__ import annotations

import json
import os
import selectors
import sys
from collections.abc import Callable
from contextlib import suppress
from time import monotonic, monotonic_ns
from typing import TYPE_CHECKING, Any, Literal, Self

from clients.harness import protocol
from clients.harness.child import Child
from clients.harness.last_lines import LastLines
from clients.harness.sampler import machine_cpu_s
from clients.harness.sampler.sockets import Sockets

if TYPE_CHECKING:
    from clients.harness.tracer.process import Tracer

SAMPLE_INTERVAL_S = 0.02
LOAD_SAMPLE_INTERVAL_S = 0.1  # a load lasts, and needs the processor for itself
MEMORY_INTERVAL_S = 0.2
SAMPLER_SHARE = 0.05  # of one processor, at most: where a reading costs more, readings come further apart
IDLE_TICK_S = 0.2

# A line that the measured process writes in the protocol itself begins so, and no answer does.
_TOLD = b'{"v":'

Emit = Callable[[bytes], None]


class Interrupted(Exception):
    """Whoever asked for the trial has gone, or wants it ended."""


class Supervisor:
    """One measured process, from its start to its end. A context manager: leaving it ends whatever is left."""

    def __init__(self, approach: str, emit: Emit, commands: int | None = None) -> None:
        """`emit` takes protocol lines; `commands` is a descriptor to read them from, whose end ends everything."""
        self._approach = approach
        self._emit = emit
        self._commands = commands
        self._child = Child(approach)
        self._tracer: Tracer | None = None
        self._unfinished_note = b""
        self._last_lines = LastLines()
        self._answer = b""
        self._command = b""
        self._running = False
        self._sample_interval_s = SAMPLE_INTERVAL_S
        self.interrupted = False
        self._next_memory = 0.0
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._child.answers, selectors.EVENT_READ, self._take_answer)
        self._selector.register(self._child.output, selectors.EVENT_READ, self._take_output)
        if commands is not None:
            self._selector.register(commands, selectors.EVENT_READ, self._take_command)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()
        if self._tracer is not None:
            self._tracer.close()
        self._child.close()

    def interrupt(self) -> None:
        """End everything as soon as may be; safe in a signal handler."""
        self.interrupted = True

    def wait_until_ready(self) -> protocol.Ready | protocol.Unavailable:
        """Wait for the imports to finish; the message is emitted too. Raises `Interrupted`."""
        answer = self._next_answer()
        message: protocol.Ready | protocol.Unavailable
        if answer is not None and answer["kind"] == "ready":
            cold_start_s = (answer["t_ns"] - self._child.start_ns) / 1e9
            message = protocol.Ready(self._approach, answer["python"], cold_start_s, answer["gil"])
        else:
            self._drain_output()
            from clients.harness.unavailable import why

            message = why(self._approach, answer, self._child.how_it_ended)
        self._emit(protocol.to_line(message))
        return message

    def wait_for_signal(self) -> protocol.Signal:
        """Wait for the start signal. Raises `Interrupted`, and `ProtocolError` for a line that is none."""
        self._watch(lambda: b"\n" in self._command)
        line, _, self._command = self._command.partition(b"\n")
        message = protocol.from_line(line)
        if not isinstance(message, protocol.Signal):
            raise protocol.ProtocolError(f"a {protocol.EVENTS[type(message)]!r} line is no start signal")
        return message

    def run(self, trial: protocol.Signal) -> protocol.Done:
        """Run the trial to its end, whatever it is, emitting what happens; the `Done` is emitted last.

        Raises `Interrupted` before it has begun.
        """
        if isinstance(trial, protocol.Load):
            self._sample_interval_s = LOAD_SAMPLE_INTERVAL_S
        origins = _origins(trial)
        host, _, port = origins[0].rpartition(":")
        sockets = Sockets(host, int(port))
        if isinstance(trial, protocol.Script) or (isinstance(trial, protocol.Trial) and trial.trace):
            self._start_tracer()
        machine_before = machine_cpu_s()
        self._sample(sockets, memory=True)
        sent_ns = monotonic_ns()
        self._child.signal(protocol.to_line(trial), origins)
        self._running = True
        self._pass_commands_on()
        outcome: Literal["ok", "failed", "crashed", "timeout", "interrupted"]
        answer = None
        try:
            answer = self._next_answer(monotonic() + trial.trial_timeout_s, lambda: self._sample(sockets))
            outcome, error = self._outcome(answer)
        except TimeoutError:
            outcome, error = "timeout", f"not done after {trial.trial_timeout_s:g} s"
        except Interrupted:
            outcome, error = "interrupted", "interrupted"
        machine_after = machine_cpu_s()
        end_ns = answer["end_ns"] if answer else monotonic_ns()
        self._sample(sockets, memory=True)
        helpers_cpu_s = self._child.processes.cpu_s_beside(self._child.pid)
        self._end_tracer()
        self._child.kill()
        self._relay_notes()
        self._drain_output()
        done = protocol.Done(
            outcome=outcome,
            error=error,
            start_ns=answer["start_ns"] if answer else sent_ns,
            end_ns=end_ns,
            answers=_tuple(answer, "answers"),
            cpu_s=answer["cpu_s"] + helpers_cpu_s if answer else None,
            machine_cpu_s=_difference(machine_after, machine_before),
            cpus=os.cpu_count() or 1,
            last_lines=self._last_lines.all(),
            causes=_tuple(answer, "causes"),
        )
        self._emit(protocol.to_line(done))
        return done

    def _outcome(self, answer: dict[str, Any] | None) -> tuple[Literal["ok", "failed", "crashed"], str | None]:
        if answer is None:
            return "crashed", self._child.how_it_ended()
        return ("ok" if answer["error"] is None else "failed"), answer["error"]

    def _next_answer(
        self, deadline: float | None = None, on_tick: Callable[[], float] = lambda: IDLE_TICK_S
    ) -> dict[str, Any] | None:
        """The next line from the measured process; None if it ended without one. Raises as `_watch` does."""
        self._answer = b""
        self._watch(lambda: self._answer.endswith(b"\n") or self._has_ended(), deadline, on_tick)
        return dict(json.loads(self._answer)) if self._answer.endswith(b"\n") else None

    def _watch(
        self,
        until: Callable[[], bool],
        deadline: float | None = None,
        on_tick: Callable[[], float] = lambda: IDLE_TICK_S,
    ) -> None:
        """Take in what comes until `until` holds; `on_tick` returns the seconds until its next call.

        Raises `TimeoutError` at `deadline`, and `Interrupted`.
        """
        next_tick = monotonic() + on_tick()
        while not until():
            if self.interrupted:
                raise Interrupted
            if deadline is not None and monotonic() > deadline:
                raise TimeoutError
            for key, _ in self._selector.select(max(0.0, next_tick - monotonic())):
                key.data()
            if monotonic() >= next_tick:
                next_tick = monotonic() + on_tick()

    def _has_ended(self) -> bool:
        return not self._child.running and not self._ready(self._take_answer)

    def _ready(self, take: Callable[[], None]) -> bool:
        return any(key.data == take for key, _ in self._selector.select(0))

    def _take_answer(self) -> None:
        part = os.read(self._child.answers, 1 << 16)
        self._answer += part
        if not part:
            self._selector.unregister(self._child.answers)
        while self._answer.startswith(_TOLD) and b"\n" in self._answer:
            line, newline, self._answer = self._answer.partition(b"\n")
            self._emit(line + newline)

    def _take_command(self) -> None:
        assert self._commands is not None
        part = os.read(self._commands, 1 << 16)
        self._command += part
        if not part:
            self.interrupted = True
        self._pass_commands_on()

    def _pass_commands_on(self) -> None:
        """What comes after the start signal is for the measured process."""
        if self._running and self._command:
            self._child.command(self._command)
            self._command = b""

    def _sample(self, sockets: Sockets, *, memory: bool = False) -> float:
        """Take one sample; returns the seconds until the next is due."""
        began = monotonic()
        memory = memory or began >= self._next_memory
        if memory:
            self._next_memory = began + MEMORY_INTERVAL_S
        usage = self._child.processes.usage(memory=memory)
        sample = protocol.Sample(
            t_ns=monotonic_ns(),
            threads=usage.threads,
            processes=usage.processes,
            cpu_s=usage.cpu_s,
            memory_bytes=usage.memory_bytes,
            in_flight=sockets.in_flight(),
        )
        self._emit(protocol.to_line(sample))
        self._relay_notes()
        return max(self._sample_interval_s, (monotonic() - began) / SAMPLER_SHARE)

    def _relay_notes(self) -> None:
        whole, newline, self._unfinished_note = (self._unfinished_note + self._child.notes()).rpartition(b"\n")
        if newline:
            self._emit(whole + newline)

    def _start_tracer(self) -> None:
        """Have every thread watched from now on. Raises `Interrupted`."""
        from clients.harness.tracer.process import Tracer

        self._tracer = tracer = Tracer(self._child.pid)
        self._child.processes.leave_out(tracer.pid)

        def take() -> None:
            self._emit(tracer.take())
            if tracer.ended:
                self._selector.unregister(tracer.output)

        self._selector.register(tracer.output, selectors.EVENT_READ, take)
        self._watch(lambda: tracer.ready)

    def _end_tracer(self) -> None:
        if self._tracer is not None:
            if not self._tracer.ended:
                self._selector.unregister(self._tracer.output)
            self._emit(self._tracer.end())

    def _take_output(self) -> None:
        data = os.read(self._child.output, 1 << 16)
        if not data:
            self._selector.unregister(self._child.output)
            return
        with suppress(OSError):
            sys.stderr.buffer.write(data)
            sys.stderr.flush()
        self._last_lines.add(data)

    def _drain_output(self) -> None:
        while self._ready(self._take_output):
            self._take_output()


def _origins(signal: protocol.Signal) -> tuple[str, ...]:
    """The names of the server that requests are made to; the first is one to find its sockets by."""
    if isinstance(signal, protocol.Script):
        return signal.origins
    return ((signal.url if isinstance(signal, protocol.Load) else signal.urls[0]).split("/")[2],)


def _tuple(answer: dict[str, Any] | None, name: str) -> tuple[Any, ...] | None:
    return tuple(answer[name]) if answer and answer[name] is not None else None


def _difference(after: float | None, before: float | None) -> float | None:
    return None if after is None or before is None else after - before
