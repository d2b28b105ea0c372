"""A client: one approach in a process or container of its own, controlled through the harness's protocol."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

from clients.harness import protocol
from labkit.model.errors import EngineGone, MachineError
from labkit.runtime.channel import Channel, LineReader
from labkit.setup.pythons import Installed

READY_TIMEOUT_S = 60.0
# The harness itself ends a trial that exceeds its timeout, and reports more about it than this module could.
HARNESS_GRACE_S = 5.0
EXIT_TIMEOUT_S = 5.0
TICK_S = 0.25
_SAMPLE = b'"event": "sample"'
_DONE = b'"event": "done"'
_ABSENT = re.compile(r"needs the package ([\w-]+), which is not installed")
# The harness names a package after its import; these packages have another name.
_PACKAGES = {"zmq": "pyzmq", "zope": "zope-interface"}


@dataclass(frozen=True, slots=True)
class ClientReport:
    """All messages of a client in one trial. If it ended without `done`, `exit_reason` is the reason."""

    messages: tuple[protocol.Message, ...]
    done: protocol.Done | None
    exit_reason: str
    last_lines: tuple[str, ...]


class Client:
    """A client for one trial."""

    def __init__(self, approach: str, channel: Channel, installed: Callable[[], Installed] | None = None) -> None:
        """`installed` returns the packages of its interpreter, unless that is the lab's own."""
        self.approach = approach
        self._installed = installed
        self._channel = channel
        self._lines = LineReader(channel, approach)
        self._timed_out = False

    def start(self) -> None:
        """Start it, and wait until it holds before it imports the approach. Raises `MachineError`."""
        self._channel.start()
        self._lines.start()
        message = self._next_message("did not start")
        if not isinstance(message, protocol.Held):
            raise self._broken(f"sent {protocol.event_name(message)!r} first")

    def wait_until_ready(self) -> protocol.Ready | protocol.Unavailable:
        """Let it import the approach. Raises `MachineError` if the client ends or does not answer."""
        with suppress(OSError):  # it has ended, and the next read reports how
            self._channel.send(b"\n")
        message = self._next_message("was not ready")
        if not isinstance(message, protocol.Ready | protocol.Unavailable):
            raise self._broken(f"sent {protocol.event_name(message)!r} before it was ready")
        if isinstance(message, protocol.Unavailable) and self._installed is not None:
            return explain_missing_wheel(message, self._installed())
        return message

    def _next_message(self, problem: str) -> protocol.Message:
        try:
            line = self._lines.next(READY_TIMEOUT_S)
        except TimeoutError:
            raise self._broken(f"{problem} after {READY_TIMEOUT_S:g} s") from None
        if line is None:
            raise self._broken(self.exit_reason())
        try:
            return protocol.from_line(line)
        except protocol.ProtocolError as error:
            raise self._broken(f"violated the protocol: {error}") from error

    def run(self, trial: protocol.Trial | protocol.Script, on_sample: Callable[[int | None], None]) -> ClientReport:
        """Send the start signal and read until the trial ends; `on_sample` receives the live in-flight count.

        Other messages are parsed afterwards, because parsing takes CPU time from the trial.
        """
        self.send(trial)
        lines: list[bytes] = []
        for line in filter(None, self._read(trial.trial_timeout_s)):
            lines.append(line)
            if _SAMPLE in line[:40]:
                sample = protocol.from_line(line)
                on_sample(sample.in_flight if isinstance(sample, protocol.Sample) else None)
        messages = tuple(message for line in lines for message in _parsed(line))
        done = messages[-1] if messages and isinstance(messages[-1], protocol.Done) else None
        reason = "" if done else self.exit_reason()
        if reason:
            with suppress(EngineGone):
                self.kill()
        return ClientReport(messages, done, reason, self._lines.last_errors)

    def messages(self, timeout_s: float) -> Iterator[protocol.Message | None]:
        """The messages until the trial ends, one by one; None when none arrived for a while.

        The last message is `Done`, unless the client ended without one or was killed after `timeout_s`; then see
        `exit_reason`. For a load test, whose messages do not all fit in memory.
        """
        for line in self._read(timeout_s):
            if line is None:
                yield None
            else:
                yield from _parsed(line)

    def _read(self, timeout_s: float) -> Iterator[bytes | None]:
        """The lines until `Done`; None when none arrived for a while. Kills the client after the timeout."""
        deadline = monotonic() + timeout_s + HARNESS_GRACE_S
        while monotonic() < deadline:
            try:
                line = self._lines.next(TICK_S)
            except TimeoutError:
                yield None
                continue
            if line is None:
                return
            yield line
            if _DONE in line[:40]:
                return
        self._timed_out = True
        with suppress(EngineGone):
            self.kill()

    def send(self, message: protocol.Message) -> None:
        """Send a message. If the client has ended, the next read reports it."""
        with suppress(OSError):
            self._channel.send(protocol.to_line(message))

    @property
    def last_lines(self) -> tuple[str, ...]:
        return self._lines.last_errors

    def kill(self) -> None:
        """End it now."""
        self._channel.kill()
        self._channel.wait(EXIT_TIMEOUT_S)

    def exit_reason(self) -> str:
        """The reason why its output ended."""
        if self._timed_out:
            return f"the client did not answer {HARNESS_GRACE_S:g} s after the trial's timeout"
        self._lines.join(1.0)
        try:
            code = self._channel.wait(EXIT_TIMEOUT_S)
        except EngineGone as error:
            return error.message
        if code is None:
            return "the client's output ended"
        return f"the client was killed by signal {-code}" if code < 0 else f"the client exited with code {code}"

    def _broken(self, problem: str) -> MachineError:
        self.kill()
        return MachineError(f"the client for {self.approach} {problem}", lines=self._lines.last_errors)


def explain_missing_wheel(message: protocol.Unavailable, installed: Installed) -> protocol.Unavailable:
    """`message`, with another reason if the missing package was left out for lack of a wheel."""
    absent = _ABSENT.search(message.reason)
    package = _PACKAGES.get(absent[1], absent[1]) if absent else ""
    if package in installed.left_out:
        reason = f"needs the package {package}, which has no wheel for {installed.interpreter}"
        return protocol.Unavailable(message.approach, "needs", reason)
    return message


def _parsed(line: bytes) -> Iterator[protocol.Message]:
    """The message in a line; nothing if the line was cut off, as by a full disk."""
    with suppress(protocol.ProtocolError):
        yield protocol.from_line(line)
