"""The steps of a set-up: processes that make environments and install packages, one set-up at a time."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.system.locks import try_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# pip's settings for the package index and the way to it. All others are dropped: a target directory, a prefix or a dry
# run set in the environment would misdirect the installation.
_KEPT_PIP_SETTINGS = {
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX", "PIP_FIND_LINKS", "PIP_TRUSTED_HOST", "PIP_CONFIG_FILE"),
    *("PIP_CERT", "PIP_CLIENT_CERT", "PIP_PROXY", "PIP_TIMEOUT", "PIP_DEFAULT_TIMEOUT", "PIP_RETRIES"),
    *("PIP_CACHE_DIR", "PIP_NO_CACHE_DIR", "PIP_KEYRING_PROVIDER", "PIP_USE_FEATURE", "PIP_USE_DEPRECATED"),
}

# So would the user's or the system's settings file. The one in the environment overrides them, here with empty values.
_PIP_SETTINGS_FILE = "pip.ini" if sys.platform == "win32" else "pip.conf"
_PIP_SETTINGS = "".join(f"[{part}]\ntarget =\nprefix =\nroot =\nconstraint =\n" for part in ("global", "install"))
PIP_OPTIONS = ("--disable-pip-version-check", "--no-input")

# With one of these, a Python takes itself for another one and does not find its virtual environment.
MISLEADING = ("PYTHONHOME", "PYTHONEXECUTABLE")


@contextlib.contextmanager
def turn(lock: Path, note: Callable[[str], object]) -> Iterator[int]:
    """Wait for other set-ups with this lock file; yields the locked descriptor."""
    lock.parent.mkdir(exist_ok=True)
    with lock.open("a", encoding="utf-8") as file:
        waiting = False
        while not try_lock(file.fileno()):
            if not waiting:
                note("waiting for another set-up of this checkout to end")
            waiting = True
            time.sleep(0.2)
        yield file.fileno()


class StepFailed(Exception):
    """A step ended with another exit code than 0; the message is its whole output."""


@contextlib.contextmanager
def workspace(scratch: Path, log: Path, turn: int) -> Iterator[Steps]:
    """Run steps with the folder `scratch`, which is empty at first and removed at the end."""
    shutil.rmtree(scratch, ignore_errors=True)  # from a killed set-up
    try:
        (scratch / "tmp").mkdir(parents=True)
        yield Steps(turn, scratch / "tmp", log)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Steps:
    """Runs steps. `turn` is the locked descriptor; `log` receives the output of the last step."""

    turn: int
    temporary: Path
    log: Path

    def make_environment(self, base: str, path: Path, python: Path) -> None:
        """Make an environment at `path` with the interpreter `base`, and pip in it. Raises `StepFailed`.

        `python` is the new environment's interpreter.
        """
        self.run([base, "-I", "-m", "venv", "--without-pip", str(path)])
        self.run([str(python), "-I", "-m", "ensurepip", "--default-pip"])
        (path / _PIP_SETTINGS_FILE).write_text(_PIP_SETTINGS, "utf-8")

    def run(self, command: list[str]) -> None:
        """Run one step to its end. Raises `StepFailed`."""
        kept = {name: value for name, value in os.environ.items() if _is_kept(name)}
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**kept, "TMPDIR": str(self.temporary)},
            # If this process is killed, the step keeps the lock until it has ended too.
            pass_fds=() if sys.platform == "win32" else (self.turn,),
        )
        with process:
            try:
                output, _ = process.communicate()
            except BaseException:
                _stop(process)
                raise
        with contextlib.suppress(OSError):  # on a full disk, the output itself is more important than the log
            self.log.write_text(f"{command}\n{output}", "utf-8")
        if process.returncode != 0:
            raise StepFailed(output)


def _is_kept(setting: str) -> bool:
    return setting in _KEPT_PIP_SETTINGS or not setting.startswith("PIP_")


def _stop(process: subprocess.Popen[str]) -> None:
    """End a step, by SIGINT so that it can end its own children: ensurepip runs pip in another process."""
    if sys.platform == "win32":
        process.terminate()
    else:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=5)
    finally:
        process.kill()
