"""The measured process as its supervisor holds it: how it starts, what leads to it and from it, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from time import monotonic, monotonic_ns

from clients.harness.modules import module_of
from clients.harness.recorder import FOLDER_PREFIX, NOTES_NAME, ORIGIN_SUFFIX, PATH_VARIABLE
from clients.harness.sampler import processes_below

HARNESS = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HARNESS))
SITE = os.path.join(HARNESS, "site")
KILL_PATIENCE_S = 5.0
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


class Child:
    """The measured process, with a folder of its own that all it starts shares.

    `answers` and `output` are descriptors to read from: its answers, and what it and its processes print.
    """

    def __init__(self, approach: str) -> None:
        self._folder = _make_folder()
        notes = os.path.join(self._folder, NOTES_NAME)
        self._notes = open(notes, "x+b", buffering=0)  # noqa: SIM115 - closed by close()
        signals, self._signals = os.pipe()
        self.answers, answers = os.pipe()
        self.start_ns = monotonic_ns()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "clients.harness.measured", module_of(approach), str(signals), str(answers)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(signals, answers),
            start_new_session=True,
            env=_environment(notes, self._folder),
        )
        os.close(signals)
        os.close(answers)
        assert self._process.stdout is not None
        self.output = self._process.stdout.fileno()
        _adopt_orphans()
        self.pid = self._process.pid
        self.processes = processes_below(os.getpid())

    def signal(self, line: bytes, origins: Iterable[str]) -> None:
        """Give it the start signal; requests to any of `origins` ("host:port") are noted from now on."""
        with open(f"{self._notes.name}{ORIGIN_SUFFIX}", "x", encoding="utf-8") as file:
            file.write("\n".join(origins))
        with suppress(BrokenPipeError), os.fdopen(os.dup(self._signals), "wb") as signals:
            signals.write(line)  # if it died just now, the end of its answers will say so

    def command(self, line: bytes) -> None:
        """Pass a further line on to it."""
        with suppress(BrokenPipeError):
            os.write(self._signals, line)

    def notes(self) -> bytes:
        """What its recorders have noted since the last call; the end may be half a line."""
        return self._notes.read()

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def how_it_ended(self) -> str:
        """In words, for a person."""
        with suppress(subprocess.TimeoutExpired):
            code = self._process.wait(1)
            if code < 0:
                return f"killed by {signal.Signals(-code).name}"
            return f"exited with code {code}"
        return "stopped answering"

    def kill(self) -> None:
        """End it and all that it has started, wherever that has gone."""
        deadline = monotonic() + KILL_PATIENCE_S
        while (pids := self.processes.pids()) and monotonic() < deadline:
            for pid in pids:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(0.2)
        with suppress(ChildProcessError):  # orphans that were given to us
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass

    def close(self) -> None:
        """End it and remove its folder."""
        self.kill()
        os.close(self._signals)
        os.close(self.answers)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._notes.close()
        import shutil  # nothing waits for this any more

        shutil.rmtree(self._folder, ignore_errors=True)


def _adopt_orphans() -> None:
    """Have processes below this one that lose their parent given to this one: prctl(2), Linux only."""
    if sys.platform == "linux":
        import ctypes  # while the measured process starts, so that nobody waits for it

        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _make_folder() -> str:
    """A temporary folder of our own; its name tells whose it is, so that one left by a killed harness can be found."""
    base = os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 - mode 0700, and never one that is there already
    folder = os.path.join(base, f"{FOLDER_PREFIX}{os.getpid()}-{monotonic_ns() & 0xFFF:x}")
    os.mkdir(folder, 0o700)
    return folder


def _environment(notes: str, temporary: str) -> dict[str, str]:
    path = [SITE, ROOT, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path),
        PATH_VARIABLE: notes,
        "TMPDIR": temporary,
        # The lab's server is never behind a proxy, whatever is set for the world outside.
        "no_proxy": "*",
        "NO_PROXY": "*",
    }
