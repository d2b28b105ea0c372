"""The measured process, as seen by its supervisor: start, communication and end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from time import monotonic, monotonic_ns

from clients.harness.modules import module_of
from clients.harness.recorder import FOLDER_PREFIX, LOG_NAME, ORIGIN_SUFFIX, PATH_VARIABLE
from clients.harness.sampler import descendants

HARNESS = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HARNESS))
SITE = os.path.join(HARNESS, "site")
KILL_PATIENCE_S = 5.0
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


class Child:
    """The measured process, with a temporary folder that all its processes share.

    `replies` and `output` are file descriptors to read: its replies, and the output of all its processes.
    """

    def __init__(self, approach: str) -> None:
        self._folder = _make_folder()
        log = os.path.join(self._folder, LOG_NAME)
        self._log = open(log, "x+b", buffering=0)  # noqa: SIM115 - closed by close()
        signals, self._signals = os.pipe()
        self.replies, replies = os.pipe()
        self.start_ns = monotonic_ns()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "clients.harness.measured", module_of(approach), str(signals), str(replies)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(signals, replies),
            start_new_session=True,
            env=_environment(log, self._folder),
        )
        os.close(signals)
        os.close(replies)
        assert self._process.stdout is not None
        self.output = self._process.stdout.fileno()
        _adopt_orphans()
        self.pid = self._process.pid
        self.processes = descendants(os.getpid())

    def start(self, line: bytes, origins: Iterable[str]) -> None:
        """Send the start signal; from now on requests to `origins` ("host:port") are recorded."""
        with open(f"{self._log.name}{ORIGIN_SUFFIX}", "x", encoding="utf-8") as file:
            file.write("\n".join(origins))
        with suppress(BrokenPipeError), os.fdopen(os.dup(self._signals), "wb") as signals:
            signals.write(line)  # if the process has just died, its replies end

    def send(self, line: bytes) -> None:
        """Send a further line."""
        with suppress(BrokenPipeError):
            os.write(self._signals, line)

    def read_events(self) -> bytes:
        """Return what its recorders have written since the last call. The last line may be incomplete."""
        return self._log.read()

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def describe_exit(self) -> str:
        """Return the end of the process as text."""
        with suppress(subprocess.TimeoutExpired):
            code = self._process.wait(1)
            if code < 0:
                return f"killed by {signal.Signals(-code).name}"
            return f"exited with code {code}"
        return "stopped answering"

    def kill(self) -> None:
        """Kill it and all processes that it has started, also daemons."""
        deadline = monotonic() + KILL_PATIENCE_S
        while (pids := self.processes.pids()) and monotonic() < deadline:
            for pid in pids:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(0.2)
        with suppress(ChildProcessError):  # adopted orphans
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass

    def close(self) -> None:
        """Kill it and remove its folder."""
        self.kill()
        os.close(self._signals)
        os.close(self.replies)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._log.close()
        import shutil  # here, so that it does not delay the trial

        shutil.rmtree(self._folder, ignore_errors=True)


def _adopt_orphans() -> None:
    """Become the parent of orphaned descendants: prctl(2), Linux only."""
    if sys.platform == "linux":
        import ctypes  # here, while the measured process starts, so that it delays nothing

        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _make_folder() -> str:
    """Create a temporary folder whose name contains this process's id: lab.py finds those of killed harnesses."""
    base = os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 - mode 0700, and never an existing folder
    folder = os.path.join(base, f"{FOLDER_PREFIX}{os.getpid()}-{monotonic_ns() & 0xFFF:x}")
    os.mkdir(folder, 0o700)
    return folder


def _environment(log: str, temporary: str) -> dict[str, str]:
    path = [SITE, ROOT, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path),
        PATH_VARIABLE: log,
        "TMPDIR": temporary,
        # Never use a proxy for the lab's server, even if the machine has one.
        "no_proxy": "*",
        "NO_PROXY": "*",
    }
