"""The supervisor: starts the measured process, passes the start signal on, samples, relays, and cleans up.

It is the parent of the measured process and begins a session for it, so that nothing the approach starts outlives the
trial. However the approach ends (an answer, an exception, a crash, a hang), `run` reports it as a `Done`.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from time import monotonic, monotonic_ns
from typing import Any, BinaryIO, Literal, Self

from clients.harness import protocol
from clients.harness.recorder import ORIGIN_SUFFIX, PATH_VARIABLE
from clients.harness.sampler import machine_cpu_s, processes_of
from clients.harness.sampler.sockets import Sockets

HARNESS = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HARNESS))
SITE = os.path.join(HARNESS, "site")
SAMPLE_INTERVAL_S = 0.02
MEMORY_INTERVAL_S = 0.2
SAMPLER_SHARE = 0.05  # of one processor, at most: where a reading costs more, readings come further apart
IDLE_TICK_S = 0.2
LAST_LINES = 20
LINE_CHARACTERS = 500

Emit = Callable[[bytes], None]


class Interrupted(Exception):
    """Whoever asked for the trial has gone, or wants it ended."""


class Supervisor:
    """One measured process, from its start to its end. A context manager: leaving it ends whatever is left."""

    def __init__(self, approach: str, emit: Emit, commands: BinaryIO | None = None) -> None:
        """`emit` takes protocol lines; `commands`, if given, is watched: its end, or `interrupt`, ends the trial."""
        self._approach = approach
        self._emit = emit
        self._commands = commands
        self._folder = _make_folder()
        notes = os.path.join(self._folder, "notes")
        self._notes = open(notes, "x+b", buffering=0)  # noqa: SIM115 - closed by __exit__
        self._unfinished_note = b""
        self._last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._answer = b""
        self._interrupted = False
        self._next_memory = 0.0

        signal_read, signal_write = os.pipe()
        answer_read, answer_write = os.pipe()
        self._start_ns = monotonic_ns()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "clients.harness.measured", approach, str(signal_read), str(answer_write)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(signal_read, answer_write),
            start_new_session=True,
            env=_environment(notes, self._folder),
        )
        os.close(signal_read)
        os.close(answer_write)
        self._signals = open(signal_write, "wb", buffering=0)  # noqa: SIM115
        self._answers = open(answer_read, "rb", buffering=0)  # noqa: SIM115
        self._processes = processes_of(self._process.pid)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._answers, selectors.EVENT_READ, self._take_answer)
        self._selector.register(self._output, selectors.EVENT_READ, self._take_output)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._kill()
        self._selector.close()
        for stream in (self._signals, self._answers, self._output, self._notes):
            with suppress(OSError):
                stream.close()
        import shutil  # nothing waits for this any more

        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _output(self) -> BinaryIO:
        assert self._process.stdout is not None
        return self._process.stdout  # type: ignore[return-value]

    def interrupt(self) -> None:
        """End the trial as soon as may be; safe in a signal handler."""
        self._interrupted = True

    def wait_until_ready(self) -> protocol.Ready | protocol.Unavailable:
        """Wait for the imports to finish; the message is emitted too. Raises `Interrupted`."""
        answer = self._next_answer(deadline=None, on_tick=None)
        message: protocol.Ready | protocol.Unavailable
        if answer is not None and answer["kind"] == "ready":
            cold_start_s = (answer["t_ns"] - self._start_ns) / 1e9
            message = protocol.Ready(self._approach, answer["python"], cold_start_s)
        else:
            message = self._unavailable(answer)
        self._emit(protocol.to_line(message))
        return message

    def run(self, trial: protocol.Trial) -> protocol.Done:
        """Run the trial to its end, whatever it is, emitting what happens; the `Done` is emitted last."""
        origin = trial.urls[0].split("/")[2]
        host, _, port = origin.rpartition(":")
        sockets = Sockets(host, int(port))
        if self._commands is not None:
            self._selector.register(self._commands, selectors.EVENT_READ, self._take_command)
        with open(f"{self._notes.name}{ORIGIN_SUFFIX}", "x", encoding="utf-8") as file:
            file.write(origin)
        machine_before = machine_cpu_s()
        self._sample(sockets, memory=True)
        sent_ns = monotonic_ns()
        with suppress(BrokenPipeError):  # it died just now; the answer's end will say so
            self._signals.write(protocol.to_line(trial))
        outcome: Literal["ok", "failed", "crashed", "timeout", "interrupted"]
        answer = None
        try:
            answer = self._next_answer(monotonic() + trial.trial_timeout_s, on_tick=lambda: self._sample(sockets))
            outcome, error = self._outcome(answer)
        except TimeoutError:
            outcome, error = "timeout", f"not done after {trial.trial_timeout_s:g} s"
        except Interrupted:
            outcome, error = "interrupted", "interrupted"
        machine_after = machine_cpu_s()
        end_ns = answer["end_ns"] if answer else monotonic_ns()
        self._sample(sockets, memory=True)
        helpers_cpu_s = self._processes.helpers_cpu_s()
        self._kill()
        self._relay_notes()
        self._drain_output()
        done = protocol.Done(
            outcome=outcome,
            error=error,
            start_ns=answer["start_ns"] if answer else sent_ns,
            end_ns=end_ns,
            answers=tuple(answer["answers"]) if answer and answer["answers"] is not None else None,
            cpu_s=answer["cpu_s"] + helpers_cpu_s if answer else None,
            machine_cpu_s=_difference(machine_after, machine_before),
            cpus=os.cpu_count() or 1,
            last_lines=tuple(self._last_lines),
        )
        self._emit(protocol.to_line(done))
        return done

    def _outcome(self, answer: dict[str, Any] | None) -> tuple[Literal["ok", "failed", "crashed"], str | None]:
        if answer is None:
            return "crashed", self._how_it_ended()
        return ("ok" if answer["error"] is None else "failed"), answer["error"]

    def _next_answer(self, deadline: float | None, on_tick: Callable[[], float] | None) -> dict[str, Any] | None:
        """The next line from the measured process; None if it ended without one.

        Raises `TimeoutError` at `deadline` and `Interrupted`. `on_tick` returns the seconds until its next call.
        """
        self._answer = b""
        next_tick = monotonic() + (on_tick() if on_tick else IDLE_TICK_S)
        while not self._answer.endswith(b"\n"):
            if self._interrupted:
                raise Interrupted
            if deadline is not None and monotonic() > deadline:
                raise TimeoutError
            for key, _ in self._selector.select(max(0.0, next_tick - monotonic())):
                key.data()
            if monotonic() >= next_tick:
                next_tick = monotonic() + (on_tick() if on_tick else IDLE_TICK_S)
            if self._process.poll() is not None and not self._ready(self._take_answer):
                break
        return dict(json.loads(self._answer)) if self._answer.endswith(b"\n") else None

    def _ready(self, take: Callable[[], None]) -> bool:
        return any(key.data == take for key, _ in self._selector.select(0))

    def _take_answer(self) -> None:
        part = os.read(self._answers.fileno(), 1 << 16)
        self._answer += part
        if not part:
            self._selector.unregister(self._answers)

    def _take_command(self) -> None:
        assert self._commands is not None
        if not os.read(self._commands.fileno(), 1 << 16):
            self._interrupted = True

    def _sample(self, sockets: Sockets, *, memory: bool = False) -> float:
        """Take one sample; returns the seconds until the next is due."""
        began = monotonic()
        memory = memory or began >= self._next_memory
        if memory:
            self._next_memory = began + MEMORY_INTERVAL_S
        usage = self._processes.usage(memory=memory)
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
        return max(SAMPLE_INTERVAL_S, (monotonic() - began) / SAMPLER_SHARE)

    def _relay_notes(self) -> None:
        whole, newline, self._unfinished_note = (self._unfinished_note + self._notes.read()).rpartition(b"\n")
        if newline:
            self._emit(whole + newline)

    def _take_output(self) -> None:
        data = os.read(self._output.fileno(), 1 << 16)
        if not data:
            self._selector.unregister(self._output)
            return
        with suppress(OSError):
            sys.stderr.buffer.write(data)
            sys.stderr.flush()
        lines = data.decode("utf-8", errors="replace").splitlines()
        self._last_lines.extend(line[:LINE_CHARACTERS] for line in lines if line.strip())

    def _drain_output(self) -> None:
        while self._ready(self._take_output):
            self._take_output()

    def _unavailable(self, answer: dict[str, Any] | None) -> protocol.Unavailable:
        self._drain_output()
        if answer is None:
            reason = f"clients/{self._approach}.py ended its process while it was imported: {self._how_it_ended()}"
            return protocol.Unavailable(self._approach, "broken", reason)
        if answer["missing"]:
            from clients.harness import catalogue

            with suppress(catalogue.BrokenApproach):
                needed = catalogue.read(self._approach).requires_python
                if needed is not None and sys.version_info < needed:
                    return protocol.Unavailable(self._approach, "needs", f"needs Python {needed[0]}.{needed[1]}")
        return protocol.Unavailable(self._approach, "broken", answer["reason"])

    def _how_it_ended(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            code = self._process.wait(1)
            if code < 0:
                return f"killed by {signal.Signals(-code).name}"
            return f"exited with code {code}"
        return "stopped answering"

    def _kill(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def _make_folder() -> str:
    """A temporary folder of our own; its name tells whose it is, so that one left by a killed harness can be found."""
    base = os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 - mode 0700, and never one that is there already
    folder = os.path.join(base, f"concurrency-lab-{os.getpid()}-{monotonic_ns()}")
    os.mkdir(folder, 0o700)
    return folder


def _environment(notes: str, temporary: str) -> dict[str, str]:
    path = [SITE, ROOT, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path), PATH_VARIABLE: notes, "TMPDIR": temporary}


def _difference(after: float | None, before: float | None) -> float | None:
    return None if after is None or before is None else after - before
