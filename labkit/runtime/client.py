"""A client: one approach in a process or container of its own, spoken to in the harness's protocol."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

from clients.harness import protocol
from labkit.model.errors import EngineGone, MachineError
from labkit.runtime.channel import Channel, Lines
from labkit.setup.pythons import Installed

READY_PATIENCE_S = 60.0
# The harness ends a trial that takes too long itself, and tells more about it than we could: give it time to.
HARNESS_GRACE_S = 5.0
EXIT_PATIENCE_S = 5.0
TICK_S = 0.25
_SAMPLE = b'"event": "sample"'
_DONE = b'"event": "done"'
_ABSENT = re.compile(r"needs the package ([\w-]+), which is not installed")
# The harness names a package by what is imported; these have another name.
_PACKAGES = {"zmq": "pyzmq", "zope": "zope-interface"}


@dataclass(frozen=True, slots=True)
class ClientReport:
    """All that a client said of one trial. `done` is None when it ended without a last word; then `how` says how."""

    messages: tuple[protocol.Message, ...]
    done: protocol.Done | None
    how: str
    last_lines: tuple[str, ...]


class Client:
    """One client, good for one trial."""

    def __init__(self, approach: str, channel: Channel, installed: Callable[[], Installed] | None = None) -> None:
        """`installed` tells what its interpreter has, if that is not the lab's own."""
        self.approach = approach
        self._installed = installed
        self._channel = channel
        self._lines = Lines(channel, approach)

    def start(self) -> None:
        """Start it, and wait until it holds before its approach's imports. Raises `MachineError` when it does not."""
        self._channel.start()
        self._lines.start()
        message = self._next_message("did not start")
        if not isinstance(message, protocol.Held):
            raise self._broken(f"said {protocol.event_name(message)!r} first")

    def wait_until_ready(self) -> protocol.Ready | protocol.Unavailable:
        """Have the approach imported. Raises `MachineError` when the client ends or stays silent instead."""
        with suppress(OSError):  # it is gone; reading will tell how
            self._channel.send(b"\n")
        message = self._next_message("was not ready")
        if not isinstance(message, protocol.Ready | protocol.Unavailable):
            raise self._broken(f"said {protocol.event_name(message)!r} before it was ready")
        if isinstance(message, protocol.Unavailable) and self._installed is not None:
            return for_want_of_a_wheel(message, self._installed())
        return message

    def _next_message(self, what: str) -> protocol.Message:
        try:
            line = self._lines.next(READY_PATIENCE_S)
        except TimeoutError:
            raise self._broken(f"{what} after {READY_PATIENCE_S:g} s") from None
        if line is None:
            raise self._broken(self.how_it_ended())
        try:
            return protocol.from_line(line)
        except protocol.ProtocolError as error:
            raise self._broken(f"said what it should not: {error}") from error

    def run(self, trial: protocol.Trial | protocol.Script, on_sample: Callable[[int | None], None]) -> ClientReport:
        """Send the start signal and read until the trial is over; `on_sample` gets the live in-flight count."""
        lines: list[bytes] = []
        how = ""
        deadline = monotonic() + trial.trial_timeout_s + HARNESS_GRACE_S
        self.send(trial)
        while True:
            try:
                line = self._lines.next(deadline - monotonic())
            except TimeoutError:
                how = f"the client did not answer {HARNESS_GRACE_S:g} s after the trial's timeout"
                break
            if line is None:
                how = self.how_it_ended()
                break
            lines.append(line)
            if _SAMPLE in line[:40]:
                sample = protocol.from_line(line)
                on_sample(sample.in_flight if isinstance(sample, protocol.Sample) else None)
            elif _DONE in line[:40]:
                break
        if how:
            with suppress(EngineGone):
                self.kill()
        messages = tuple(_understood(lines))
        done = messages[-1] if messages and isinstance(messages[-1], protocol.Done) else None
        return ClientReport(messages, done, how, self._lines.last_errors)

    def messages(self, timeout_s: float) -> Iterator[protocol.Message | None]:
        """What comes until the trial is over, one by one; None when nothing came for a while.

        The last message is the `Done`, unless the client ended without one, or is killed because it took longer than
        `timeout_s`: then `how_it_ended` tells. For a load, of which nobody can hold all messages.
        """
        deadline = monotonic() + timeout_s + HARNESS_GRACE_S
        while monotonic() < deadline:
            try:
                line = self._lines.next(TICK_S)
            except TimeoutError:
                yield None
                continue
            if line is None:
                return
            for message in _understood([line]):
                yield message
                if isinstance(message, protocol.Done):
                    return
        with suppress(EngineGone):
            self.kill()

    def send(self, message: protocol.Message) -> None:
        """Send a line; that nobody takes it any more, reading will tell."""
        with suppress(OSError):
            self._channel.send(protocol.to_line(message))

    @property
    def last_lines(self) -> tuple[str, ...]:
        return self._lines.last_errors

    def kill(self) -> None:
        """End it now."""
        self._channel.kill()
        self._channel.wait(EXIT_PATIENCE_S)

    def how_it_ended(self) -> str:
        """In words, once nothing more comes from it."""
        self._lines.join(1.0)
        try:
            code = self._channel.wait(EXIT_PATIENCE_S)
        except EngineGone as error:
            return error.message
        if code is None:
            return "the client's output ended"
        return f"the client was killed by signal {-code}" if code < 0 else f"the client exited with code {code}"

    def _broken(self, what: str) -> MachineError:
        self.kill()
        return MachineError(f"the client for {self.approach} {what}", lines=self._lines.last_errors)


def for_want_of_a_wheel(message: protocol.Unavailable, installed: Installed) -> protocol.Unavailable:
    """`message`, or one that says why a package that was left out is missing."""
    found = _ABSENT.search(message.reason)
    package = _PACKAGES.get(found[1], found[1]) if found else ""
    if package in installed.left_out:
        reason = f"needs the package {package}, which has no wheel for {installed.interpreter}"
        return protocol.Unavailable(message.approach, "needs", reason)
    return message


def _understood(lines: Sequence[bytes]) -> Iterator[protocol.Message]:
    """The messages in `lines`; one that was cut off, as by a full disk, costs no other."""
    for line in lines:
        with suppress(protocol.ProtocolError):
            yield protocol.from_line(line)
