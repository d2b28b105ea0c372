"""Interruptions: none is lost, and none breaks off a removal."""

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
UNINTERRUPTED = """
import os, signal
from labkit.system import interrupts
signal.signal({number}, interrupts.interrupt)
with interrupts.ignore_interrupts():
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
    with interrupts.defer_interrupts():
        os.kill(os.getpid(), signal.SIGINT)
        print("done as a whole")
    print("never here")
except KeyboardInterrupt:
    print("raised afterwards")
"""


# An interrupt at the end of Popen: the process runs, and its caller does not have it yet.
STARTING = """
import os, signal, subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from labkit.runtime import docker_cli
from labkit.system import interrupts
signal.signal(signal.SIGINT, interrupts.interrupt)
started = []
class Popen(subprocess.Popen):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        started.append(self)
        os.kill(os.getpid(), signal.SIGINT)
docker_cli.subprocess.Popen = Popen
with TemporaryDirectory() as folder:
    docker = Path(folder, "docker")
    docker.write_text("#!/bin/sh\\nexec sleep 20\\n")
    docker.chmod(0o755)
    os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
    try:
        docker_cli.compose("project", ["ps"], {})
    except KeyboardInterrupt:
        print("ended" if started[0].poll() is not None else "still running")
        started[0].kill()
"""


def lines_of(source: str) -> list[str]:
    run = subprocess.run(
        [sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.split("\n")[:-1]


def test_an_interruption_that_was_dropped_is_raised_again() -> None:
    assert lines_of(LOST) == ["dropped", "raised again"]


def test_an_undivided_block_completes_before_the_interruption() -> None:
    assert lines_of(UNDIVIDED) == ["done as a whole", "raised afterwards"]


@pytest.mark.parametrize("number", ["signal.SIGINT", "signal.SIGTERM", "signal.SIGHUP"])
def test_an_uninterruptible_block_ignores_signals(number: str) -> None:
    assert lines_of(UNINTERRUPTED.format(number=number)) == ["went on", "as before"]


@pytest.mark.parametrize("how", ["its owner ends", "SIGTERM", "SIGKILL"])
def test_a_guarded_command_ends_with_its_guard(how: str) -> None:
    command = ["sh", "-c", "echo $$; exec sleep 60"]
    with subprocess.Popen(
        [sys.executable, "-m", "labkit.runtime.guard", *command], cwd=ROOT, stdin=PIPE, stdout=PIPE, bufsize=0
    ) as guard:
        assert guard.stdin is not None
        assert guard.stdout is not None
        pid = int(guard.stdout.readline())
        if how == "its owner ends":
            guard.stdin.close()
        else:
            guard.send_signal(getattr(signal, how))
        assert guard.stdout.read() == b""  # its last writer has gone
        guard.wait(10)
    deadline = monotonic() + 5
    while running(pid):  # a container's first process may reap it late
        assert monotonic() < deadline
        sleep(0.01)


def running(pid: int) -> bool:
    """True for a process that exists and has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_an_interrupt_while_compose_starts_leaves_no_process():
    assert lines_of(STARTING) == ["ended"]
