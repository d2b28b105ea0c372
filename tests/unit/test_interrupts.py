"""Nobody's Ctrl-C is lost, and none comes while things are being removed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE
from time import monotonic, sleep

import pytest

from tests.checkout import ROOT

LOST = """
import os, signal
from labkit.system import interrupts
signal.signal(signal.SIGINT, interrupts.interrupt)
interrupts.raise_if_interrupted()
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    print("dropped")
try:
    interrupts.raise_if_interrupted()
except KeyboardInterrupt:
    print("raised again")
"""
KEPT_AWAY = """
import os, signal
from labkit.system import interrupts
signal.signal({number}, interrupts.interrupt)
with interrupts.uninterrupted():
    os.kill(os.getpid(), {number})
    print("went on")
try:
    os.kill(os.getpid(), {number})
except KeyboardInterrupt:
    print("as before")
"""


UNDIVIDED = """
import os, signal
from labkit.system import interrupts
signal.signal(signal.SIGINT, interrupts.interrupt)
try:
    with interrupts.undivided():
        os.kill(os.getpid(), signal.SIGINT)
        print("done as a whole")
    print("never here")
except KeyboardInterrupt:
    print("raised afterwards")
"""


def lines_of(source: str) -> list[str]:
    run = subprocess.run(
        [sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.split("\n")[:-1]


def test_an_interruption_that_was_dropped_is_raised_again() -> None:
    assert lines_of(LOST) == ["dropped", "raised again"]


def test_what_belongs_together_is_done_and_the_interruption_comes_then() -> None:
    assert lines_of(UNDIVIDED) == ["done as a whole", "raised afterwards"]


@pytest.mark.parametrize("number", ["signal.SIGINT", "signal.SIGTERM", "signal.SIGHUP"])
def test_what_must_not_be_left_half_done_goes_on(number: str) -> None:
    assert lines_of(KEPT_AWAY.format(number=number)) == ["went on", "as before"]


@pytest.mark.parametrize("how", ["its owner goes", "SIGTERM", "SIGKILL"])
def test_what_is_guarded_does_not_outlive_its_guard(how: str) -> None:
    command = ["sh", "-c", "echo $$; exec sleep 60"]
    with subprocess.Popen(
        [sys.executable, "-m", "labkit.runtime.guard", *command], cwd=ROOT, stdin=PIPE, stdout=PIPE, bufsize=0
    ) as guard:
        assert guard.stdin is not None
        assert guard.stdout is not None
        pid = int(guard.stdout.readline())
        if how == "its owner goes":
            guard.stdin.close()
        else:
            guard.send_signal(getattr(signal, how))
        assert guard.stdout.read() == b""  # its last writer has gone
        guard.wait(10)
    deadline = monotonic() + 5
    while running(pid):  # its parent may be this container's first process, which reaps when it pleases
        assert monotonic() < deadline
        sleep(0.01)


def running(pid: int) -> bool:
    """Whether there is such a process, and one that has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
