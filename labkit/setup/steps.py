"""The steps of a set-up: processes that make environments and install into them, and the turns that set-ups take."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.system.locks import take

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# pip's settings of where packages come from and how to get there. The set-up decides the rest: a target directory, a
# prefix or a dry run from the environment would lead it astray.
_KEPT_PIP_SETTINGS = {
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX", "PIP_FIND_LINKS", "PIP_TRUSTED_HOST", "PIP_CONFIG_FILE"),
    *("PIP_CERT", "PIP_CLIENT_CERT", "PIP_PROXY", "PIP_TIMEOUT", "PIP_DEFAULT_TIMEOUT", "PIP_RETRIES"),
    *("PIP_CACHE_DIR", "PIP_NO_CACHE_DIR", "PIP_KEYRING_PROVIDER", "PIP_USE_FEATURE", "PIP_USE_DEPRECATED"),
}

# Settings files can do the same. The one in the virtual environment goes before those of the user and the system, and
# an empty value takes theirs away.
_PIP_SETTINGS_FILE = "pip.ini" if sys.platform == "win32" else "pip.conf"
_PIP_SETTINGS = "".join(f"[{part}]\ntarget =\nprefix =\nroot =\nconstraint =\n" for part in ("global", "install"))
PIP_OPTIONS = ("--disable-pip-version-check", "--no-input")

# With one of these a Python takes itself for another one and does not see the virtual environment that it is part of.
MISLEADING = ("PYTHONHOME", "PYTHONEXECUTABLE")


@contextlib.contextmanager
def turn(lock: Path, say: Callable[[str], object]) -> Iterator[int]:
    """Wait for other set-ups with this lock file; yields the descriptor that holds the turn."""
    lock.parent.mkdir(exist_ok=True)
    with lock.open("a", encoding="utf-8") as file:
        told = False
        while not take(file.fileno()):
            if not told:
                say("waiting for another set-up of this checkout to end")
            told = True
            time.sleep(0.2)
        yield file.fileno()


class StepFailed(Exception):
    """A step of a set-up ended with another exit code than 0; holds all that it wrote."""


@dataclass(frozen=True, slots=True)
class Steps:
    """Runs the steps of a set-up: `turn` is the descriptor that holds its turn, `log` keeps the last one's output."""

    turn: int
    temporary: Path
    log: Path

    def make_environment(self, base: str, path: Path, python: Path) -> None:
        """Have `base` make an environment at `path`, whose Python is `python`, with nothing but pip. As `run`."""
        self.run([base, "-I", "-m", "venv", "--without-pip", str(path)])
        self.run([str(python), "-I", "-m", "ensurepip", "--default-pip"])
        (path / _PIP_SETTINGS_FILE).write_text(_PIP_SETTINGS, "utf-8")

    def run(self, command: list[str]) -> None:
        """Run one step to its end. Raises `StepFailed`."""
        kept = {name: value for name, value in os.environ.items() if _may_pass(name)}
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**kept, "TMPDIR": str(self.temporary)},
            # Should this process be killed, the step that outlives it keeps the turn until it has ended too.
            pass_fds=() if sys.platform == "win32" else (self.turn,),
        )
        with process:
            try:
                output, _ = process.communicate()
            except BaseException:
                _stop(process)
                raise
        with contextlib.suppress(OSError):  # what the output says about a full disk matters more than the log
            self.log.write_text(f"{command}\n{output}", "utf-8")
        if process.returncode != 0:
            raise StepFailed(output)


def _may_pass(setting: str) -> bool:
    return setting in _KEPT_PIP_SETTINGS or not setting.startswith("PIP_")


def _stop(process: subprocess.Popen[str]) -> None:
    """End a step of the set-up, and with SIGINT what it has started: ensurepip runs pip in a process of its own."""
    if sys.platform == "win32":
        process.terminate()
    else:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=5)
    finally:
        process.kill()
