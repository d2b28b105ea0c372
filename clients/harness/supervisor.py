"""The supervisor: starts the measured process, forwards the start signal, takes samples, relays events, cleans up.

All processes of the approach, orphans included, are its descendants, and it ends them after the trial.
It reports every outcome (a result, an exception, a crash, a hang) as a `Done` message.
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
LOAD_SAMPLE_INTERVAL_S = 0.1  # a load is long, and needs the CPU for itself
MEMORY_INTERVAL_S = 0.2
SAMPLER_SHARE = 0.05  # limit, of one CPU: expensive samples are taken less often
IDLE_TICK_S = 0.2

# The start of a protocol line of the measured process; its replies start differently.
_EVENT_START = b'{"v":'

Emit = Callable[[bytes], None]


class Interrupted(Exception):
    """The trial was interrupted, by `Supervisor.interrupt` or by the end of the commands."""


class Supervisor:
    """One measured process, from its start to its end. Leaving the context ends all its processes."""

    def __init__(self, approach: str, emit: Emit, commands: int | None = None) -> None:
        """`emit` takes protocol lines. `commands` is a file descriptor with lines; its end interrupts the trial."""
        self._approach = approach
        self._emit = emit
        self._commands = commands
        self._child = Child(approach)
        self._tracer: Tracer | None = None
        self._incomplete_event = b""
        self._last_lines = LastLines()
        self._reply = b""
        self._command = b""
        self._running = False
        self._sample_interval_s = SAMPLE_INTERVAL_S
        self.interrupted = False
        self._next_memory = 0.0
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._child.replies, selectors.EVENT_READ, self._take_reply)
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
        """Stop as soon as possible; safe to call in a signal handler."""
        self.interrupted = True

    def wait_until_ready(self) -> protocol.Ready | protocol.Unavailable:
        """Wait for the end of the imports; also emits the message. Raises `Interrupted`."""
        reply = self._next_reply()
        message: protocol.Ready | protocol.Unavailable
        if reply is not None and reply["kind"] == "ready":
            cold_start_s = (reply["t_ns"] - self._child.start_ns) / 1e9
            message = protocol.Ready(self._approach, reply["python"], cold_start_s, reply["gil"])
        else:
            self._drain_output()
            from clients.harness.unavailable import explain

            message = explain(self._approach, reply, self._child.describe_exit)
        self._emit(protocol.to_line(message))
        return message

    def wait_for_start_signal(self) -> protocol.StartSignal:
        """Wait for the start signal. Raises `Interrupted`, and `ProtocolError` for any other line."""
        self._wait_until(lambda: b"\n" in self._command)
        line, _, self._command = self._command.partition(b"\n")
        message = protocol.from_line(line)
        if not isinstance(message, protocol.StartSignal):
            raise protocol.ProtocolError(f"a {protocol.event_name(message)!r} message is not a start signal")
        return message

    def run(self, trial: protocol.StartSignal) -> protocol.Done:
        """Run the trial to its end and emit its events, last the `Done`.

        Raises `Interrupted` if it is interrupted before the trial begins.
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
        self._child.start(protocol.to_line(trial), origins)
        self._running = True
        self._forward_commands()
        outcome: Literal["ok", "failed", "crashed", "timeout", "interrupted"]
        reply = None
        try:
            reply = self._next_reply(monotonic() + trial.trial_timeout_s, lambda: self._sample(sockets))
            outcome, error = self._outcome(reply)
        except TimeoutError:
            outcome, error = "timeout", f"not done after {trial.trial_timeout_s:g} s"
        except Interrupted:
            outcome, error = "interrupted", "interrupted"
        machine_after = machine_cpu_s()
        end_ns = reply["end_ns"] if reply else monotonic_ns()
        self._sample(sockets, memory=True)
        helpers_cpu_s = self._child.processes.cpu_s_except(self._child.pid)
        self._end_tracer()
        self._child.kill()
        self._relay_events()
        self._drain_output()
        done = protocol.Done(
            outcome=outcome,
            error=error,
            start_ns=reply["start_ns"] if reply else sent_ns,
            end_ns=end_ns,
            answers=_tuple(reply, "answers"),
            cpu_s=reply["cpu_s"] + helpers_cpu_s if reply else None,
            machine_cpu_s=_difference(machine_after, machine_before),
            cpus=os.cpu_count() or 1,
            last_lines=self._last_lines.all(),
            causes=_tuple(reply, "causes"),
        )
        self._emit(protocol.to_line(done))
        return done

    def _outcome(self, reply: dict[str, Any] | None) -> tuple[Literal["ok", "failed", "crashed"], str | None]:
        if reply is None:
            return "crashed", self._child.describe_exit()
        return ("ok" if reply["error"] is None else "failed"), reply["error"]

    def _next_reply(
        self, deadline: float | None = None, on_tick: Callable[[], float] = lambda: IDLE_TICK_S
    ) -> dict[str, Any] | None:
        """Return the next reply of the measured process; None if it ended without one. Raises like `_wait_until`."""
        self._reply = b""
        self._wait_until(lambda: self._reply.endswith(b"\n") or self._has_ended(), deadline, on_tick)
        return dict(json.loads(self._reply)) if self._reply.endswith(b"\n") else None

    def _wait_until(
        self,
        condition: Callable[[], bool],
        deadline: float | None = None,
        on_tick: Callable[[], float] = lambda: IDLE_TICK_S,
    ) -> None:
        """Process input until `condition` holds; `on_tick` returns the seconds until its next call.

        Raises `TimeoutError` at `deadline`, and `Interrupted`.
        """
        next_tick = monotonic() + on_tick()
        while not condition():
            if self.interrupted:
                raise Interrupted
            if deadline is not None and monotonic() > deadline:
                raise TimeoutError
            for key, _ in self._selector.select(max(0.0, next_tick - monotonic())):
                key.data()
            if monotonic() >= next_tick:
                next_tick = monotonic() + on_tick()

    def _has_ended(self) -> bool:
        return not self._child.running and not self._has_input(self._take_reply)

    def _has_input(self, take: Callable[[], None]) -> bool:
        return any(key.data == take for key, _ in self._selector.select(0))

    def _take_reply(self) -> None:
        part = os.read(self._child.replies, 1 << 16)
        self._reply += part
        if not part:
            self._selector.unregister(self._child.replies)
        while self._reply.startswith(_EVENT_START) and b"\n" in self._reply:
            line, newline, self._reply = self._reply.partition(b"\n")
            self._emit(line + newline)

    def _take_command(self) -> None:
        assert self._commands is not None
        part = os.read(self._commands, 1 << 16)
        self._command += part
        if not part:
            self.interrupted = True
        self._forward_commands()

    def _forward_commands(self) -> None:
        """Forward input that follows the start signal to the measured process."""
        if self._running and self._command:
            self._child.send(self._command)
            self._command = b""

    def _sample(self, sockets: Sockets, *, memory: bool = False) -> float:
        """Take one sample and return the seconds until the next one."""
        start_s = monotonic()
        memory = memory or start_s >= self._next_memory
        if memory:
            self._next_memory = start_s + MEMORY_INTERVAL_S
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
        self._relay_events()
        return max(self._sample_interval_s, (monotonic() - start_s) / SAMPLER_SHARE)

    def _relay_events(self) -> None:
        lines, newline, self._incomplete_event = (self._incomplete_event + self._child.read_events()).rpartition(b"\n")
        if newline:
            self._emit(lines + newline)

    def _start_tracer(self) -> None:
        """Trace all threads from now on. Raises `Interrupted`."""
        from clients.harness.tracer.process import Tracer

        self._tracer = tracer = Tracer(self._child.pid)
        self._child.processes.exclude(tracer.pid)

        def take() -> None:
            self._emit(tracer.take())
            if tracer.ended:
                self._selector.unregister(tracer.output)

        self._selector.register(tracer.output, selectors.EVENT_READ, take)
        self._wait_until(lambda: tracer.ready)

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
        while self._has_input(self._take_output):
            self._take_output()


def _origins(signal: protocol.StartSignal) -> tuple[str, ...]:
    """Return the server's names in requests; its sockets are found by the first one."""
    if isinstance(signal, protocol.Script):
        return signal.origins
    return ((signal.url if isinstance(signal, protocol.Load) else signal.urls[0]).split("/")[2],)


def _tuple(reply: dict[str, Any] | None, name: str) -> tuple[Any, ...] | None:
    return tuple(reply[name]) if reply and reply[name] is not None else None


def _difference(after: float | None, before: float | None) -> float | None:
    return None if after is None or before is None else after - before
