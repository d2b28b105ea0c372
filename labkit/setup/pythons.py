"""Other interpreters of this machine, and for each a locked environment in ``.lab/pythons``.

An environment is made under another name and gets its own by a rename, when it is whole: one with its own name can be
used. What it holds depends on the interpreter, the lock and how that is installed, and its name follows from these.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.model.errors import UsageError
from labkit.setup import wheels
from labkit.setup.failures import explain
from labkit.setup.steps import MISLEADING, PIP_OPTIONS, StepFailed, Steps, turn
from labkit.system.checkout import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

LOCK = ROOT / "requirements" / "image.txt"
FOLDER = ROOT / ".lab" / "pythons"
RECORD = "labkit-packages.json"
PATIENCE_S = 20.0
_HINT = "Name an interpreter on PATH, such as python3.13, or the path of one."

# Any Python understands this, down to 2.7: a too old one can be told what it is.
_PROBE = """
import json, platform, sys
print(json.dumps({
    "lab": 1,
    "version": platform.python_version(),
    "parts": sys.version_info[:2],
    "implementation": platform.python_implementation(),
    "flags": getattr(sys, "abiflags", ""),
    "base": getattr(sys, "_base_executable", None) or sys.executable,
}))
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """An interpreter that answered: `version` is "3.13.5t", `kind` "cp313t", `base` its path outside of any venv."""

    version: str
    kind: str
    base: str


@dataclass(frozen=True, slots=True)
class Installed:
    """What one interpreter has: `version` is "3.13.5t", `interpreter` "CPython 3.13t", the rest name to version.

    `left_out` are packages of the lock that have no wheel for it.
    """

    version: str
    interpreter: str
    packages: dict[str, str]
    left_out: dict[str, str]

    @classmethod
    def read(cls, text: str) -> Installed:
        """From the record that `labkit.setup.wheels` writes."""
        return cls(**json.loads(text))


def find(name: str) -> Interpreter:
    """The interpreter with this path or name on PATH. Raises `UsageError` where none of a fitting version is there."""
    path = str(Path(name).expanduser()) if os.sep in name else shutil.which(name)
    if path is None:
        raise UsageError(f"--python {name}: there is no such command on PATH", _HINT)
    if not Path(path).exists():
        raise UsageError(f"--python {name}: there is no such file", _HINT)
    if not Path(path).is_file():
        raise UsageError(f"--python {name}: that is no file", _HINT)
    environment = {key: value for key, value in os.environ.items() if key not in MISLEADING}
    command = [path, "-c", _PROBE]
    try:
        run = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=PATIENCE_S, env=environment
        )
    except OSError as error:
        raise UsageError(f"--python {name}: it cannot be run ({error.strerror})", _HINT) from error
    except subprocess.TimeoutExpired:
        raise UsageError(f"--python {name}: it is no Python: no answer after {PATIENCE_S:g} s", _HINT) from None
    return _interpreter(name, run)


def _interpreter(name: str, run: subprocess.CompletedProcess[bytes]) -> Interpreter:
    try:
        told = json.loads(run.stdout)
        parts, flags, implementation = tuple(told["parts"]), str(told["flags"]), str(told["implementation"])
        version, base = str(told["version"]), str(told["base"])
    except (ValueError, TypeError, KeyError):
        lines = (run.stderr or run.stdout).decode(errors="replace").strip().splitlines() or ["nothing"]
        said = f"asked for its version, it said {lines[0][:120]!r} and exited with code {run.returncode}"
        raise UsageError(f"--python {name}: it is no Python that works: {said}", _HINT) from None
    if parts < wheels.OLDEST:
        raise UsageError(f"--python {name}: it is Python {version}, and the lab needs 3.11 or later", _HINT)
    short = {"CPython": "cp", "PyPy": "pp"}.get(implementation, implementation.lower())
    return Interpreter(f"{version}{flags}", f"{short}{parts[0]}{parts[1]}{flags}", base)


def digest_of(lock: Path) -> str:
    """Stands for what a lock installs and how; the name of each environment ends in it."""
    return hashlib.sha256(lock.read_bytes() + Path(wheels.__file__).read_bytes()).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class Environment:
    """The locked environment for one interpreter in a checkout, there or not."""

    interpreter: Interpreter
    lock: Path = LOCK
    folder: Path = FOLDER

    @property
    def path(self) -> Path:
        """Where it is, once it is whole."""
        base = hashlib.sha256(self.interpreter.base.encode()).hexdigest()[:4]
        return self.folder / f"{self.interpreter.version}-{self.interpreter.kind}-{base}-{digest_of(self.lock)}"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.path / "bin" / "python"

    @property
    def installed(self) -> Installed:
        """What it holds, once it is there."""
        return Installed.read((self.path / RECORD).read_text("utf-8"))

    def prepare(self, note: Callable[[str], None]) -> None:
        """Make it if it is not there; `note` tells. Raises `MachineError`, and leaves nothing half-made."""
        if self.path.exists():
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with turn(self.folder / "lock", note) as held:
                if not self.path.exists():  # while this one waited
                    note(f"making an environment for Python {self.interpreter.version} (once; a minute or two)")
                    self._make(held)
                    for name, version in self.installed.left_out.items():
                        note(f"left out: {name} {version} has no wheel for {self.installed.interpreter}")
        except OSError as error:
            raise explain(str(error), "image", "Is the checkout complete? `git status` tells.", self._words) from error

    @property
    def _words(self) -> str:
        return f"the environment for Python {self.interpreter.version}"

    def _make(self, held: int) -> None:
        scratch = self.folder / "new"
        log = self.folder / "log"
        shutil.rmtree(scratch, ignore_errors=True)  # from one that was killed
        new, temporary = scratch / self.path.name, scratch / "tmp"
        python = new / "bin" / "python"
        try:
            temporary.mkdir(parents=True)
            steps = Steps(held, temporary, log)
            steps.make_environment(self.interpreter.base, new, python)
            pip = [str(python), "-I", "-m", "pip", *PIP_OPTIONS]
            install = [str(python), "-I", wheels.__file__, "--leave-out", str(self.lock), str(new / RECORD)]
            steps.run([*install, *pip])
            new.rename(self.path)
        except StepFailed as failure:
            where = f"The whole output is in {log}."
            raise explain(str(failure), "image", where, self._words, self.interpreter.kind) from None
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
