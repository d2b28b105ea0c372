"""Set-up of `.venv` in the checkout, with the standard library's venv and pip, from a locked requirements file.

Nothing is installed elsewhere, and a `.venv` without the lab's marker is left alone. A set-up may be killed at any
moment: `.venv` appears and disappears by a rename, and its marker becomes "ready" after the last package.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from labkit.model.errors import Interrupted, MachineError
from labkit.setup import packed
from labkit.setup.failures import explain
from labkit.setup.marker import Marker, identity, read_marker, write_marker
from labkit.setup.steps import MISLEADING, PIP_OPTIONS, StepFailed, Steps, turn, workspace
from labkit.system.checkout import ROOT
from labkit.system.notes import note

if TYPE_CHECKING:
    from collections.abc import Sequence

# test.txt contains all packages of lab.txt, with the same pins.
_COVERS = {"lab": ("lab",), "test": ("lab", "test")}


def ensure(requirements: str, argv: Sequence[str], checkout: Path = ROOT) -> int | None:
    """Make sure that lab.py runs in the checkout's `.venv`, with the packages of `requirements`: "lab" or "test".

    Returns None if the running interpreter is that of a ready `.venv`. Otherwise makes it ready and continues there
    with `lab.py *argv`: POSIX replaces this process and never returns, Windows returns the exit code. Raises
    `MachineError` if the set-up fails and `Interrupted` on Ctrl-C; no half-made `.venv` is left then.
    """
    venv = LabVenv(checkout, requirements)
    try:
        if not venv.prepare() and venv.path.samefile(sys.prefix):
            return None
        return _continue_in([str(venv.python), str(checkout / "lab.py"), *argv])
    except KeyboardInterrupt:
        message = "the set-up was interrupted"
        raise Interrupted(message, "The same command starts it again.") from None
    except OSError as error:
        raise explain(str(error), requirements, "Is the checkout complete? See `git status`.") from error


def _continue_in(command: list[str]) -> int:
    environment = {name: value for name, value in os.environ.items() if name not in MISLEADING}
    sys.stdout.flush()
    sys.stderr.flush()
    if sys.platform != "win32":
        os.execve(command[0], command, environment)  # noqa: S606 - our own interpreter
    process = subprocess.Popen(command, env=environment)
    while True:
        # On Windows, Ctrl-C reaches both processes of a console; the other one handles it.
        with contextlib.suppress(KeyboardInterrupt):
            return process.wait()


class Task(NamedTuple):
    """The work of a set-up: make a new `.venv` (`afresh`) or add packages to it; `line` describes it to the user."""

    afresh: bool
    line: str


@dataclass(frozen=True, slots=True)
class LabVenv:
    """The `.venv` of a checkout, and the requirements file ("lab" or "test") whose packages it needs."""

    checkout: Path
    requirements: str
    # Not sys.executable: that may be in an active virtual environment, or in the very .venv to be replaced.
    base: str = getattr(sys, "_base_executable", sys.executable)

    @property
    def path(self) -> Path:
        """The virtual environment."""
        return self.checkout / ".venv"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.path / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")

    @property
    def _state(self) -> Path:
        return self.checkout / ".lab"

    def prepare(self) -> bool:
        """Make `.venv` ready, with a note of one line; False if it was ready."""
        with contextlib.suppress(MachineError):  # the marker may be absent while another set-up moves .venv
            if self.task() is None:
                return False
        with turn(self._state / "setup.lock", note) as held:
            if task := self.task():  # the other set-up may have done the work
                note(task.line)
                self._perform(task, held)
        return True

    def task(self) -> Task | None:
        """The work that is left before the packages can be used, found in a few milliseconds; None if it is ready."""
        packages = f"the packages locked in requirements/{self.requirements}.txt (once; about a minute)"
        if not os.path.lexists(self.path):
            return Task(afresh=True, line=f"making .venv with {packages}")
        marker = read_marker(self.path)
        missing = [name for name in _COVERS[self.requirements] if name not in marker.locks]
        if reason := self._unusable(marker, adding=bool(missing)):
            return Task(afresh=True, line=f"{reason}: making it again with {packages}")
        return Task(afresh=False, line=f"adding to .venv {packages}") if missing else None

    def _unusable(self, marker: Marker, *, adding: bool) -> str:
        """The reason why this `.venv` must be made again; "" if it is usable, or usable for `adding` to it."""
        if marker.state == "building" or (marker.state == "adding" and adding):
            return "the last set-up of .venv did not finish"
        if marker.checkout != str(self.checkout):
            return f".venv was made in {marker.checkout}"
        if marker.python != identity():
            return f".venv was made with {marker.python}, and this is {identity()}"
        for name in _COVERS[self.requirements]:
            if name in marker.locks and marker.locks[name] != self._digest(name):
                return f"requirements/{name}.txt has changed since .venv was made"
        return "" if self._python_runs(marker) else "the Python of .venv no longer runs"

    def _python_runs(self, marker: Marker) -> bool:
        with contextlib.suppress(OSError):
            # If its files have not changed since it last ran, there is no need to run it (20 ms).
            return self._stamps(marker.base) == marker.stamps or self._python_answers()
        return False

    def _python_answers(self) -> bool:
        code = "import sys; print(sys.implementation.cache_tag, sys.prefix != sys.base_prefix)"
        answer = subprocess.run([self.python, "-I", "-c", code], capture_output=True, text=True, check=False)
        return answer.stdout.strip() == f"{sys.implementation.cache_tag} True"

    def _stamps(self, base: str) -> list[int]:
        files = [file.stat() for file in (Path(base), self.python, self.path / "pyvenv.cfg")]
        return [number for file in files for number in (file.st_size, file.st_mtime_ns)]

    def _lock(self, name: str) -> Path:
        return self.checkout / "requirements" / f"{name}.txt"

    def _digest(self, name: str) -> str:
        return hashlib.sha256(self._lock(name).read_bytes()).hexdigest()

    def _perform(self, task: Task, held: int) -> None:
        scratch, log = self._state / "setup", self._state / "setup.log"
        try:
            with workspace(scratch, log, held) as steps:
                if task.afresh:
                    self._make(scratch, steps)
                else:
                    self._install(replace(read_marker(self.path), state="adding"), steps)
        except StepFailed as failure:
            raise explain(str(failure), self.requirements, f"The whole output is in {log}.") from None

    def _make(self, scratch: Path, steps: Steps) -> None:
        marker = Marker("building", str(self.checkout), identity(), self.base)
        new, previous = scratch / "new", scratch / "previous"
        new.mkdir()
        write_marker(new, marker)
        try:
            if os.path.lexists(self.path):
                self.path.rename(previous)
            new.rename(self.path)
            steps.make_environment(self.base, self.path, self.python)
            self._install(marker, steps)
        except BaseException:
            if os.path.lexists(self.path) and read_marker(self.path).state == "building":
                self.path.rename(scratch / "half-made")
            # The previous one may still work, for the Python or the lock file that it was made for.
            if os.path.lexists(previous) and read_marker(previous).state != "building":
                previous.rename(self.path)
            raise

    def _install(self, marker: Marker, steps: Steps) -> None:
        write_marker(self.path, marker)
        pip = [str(self.python), "-I", "-m", "pip", *PIP_OPTIONS]
        locked = ["--require-hashes", "--only-binary", ":all:", "-r", str(self._lock(self.requirements))]
        digests = {name: self._digest(name) for name in _COVERS[self.requirements]}
        unpacked = packed.options(self._state, digests[self.requirements])
        steps.run([*pip, "install", "--no-user", "--progress-bar", "off", *unpacked, *locked])
        stamps = self._stamps(marker.base)
        write_marker(self.path, replace(marker, state="ready", stamps=stamps, locks=marker.locks | digests))
