"""Other interpreters of this machine, each with a locked environment in ``.lab/pythons``.

An environment is made under a temporary name and renamed when it is complete. Its name depends on everything that its
content depends on: the interpreter, the lock file and the way to install that.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.model.errors import UsageError
from labkit.setup import wheels
from labkit.setup.failures import explain
from labkit.setup.steps import MISLEADING, PIP_OPTIONS, StepFailed, turn, workspace
from labkit.system import command
from labkit.system.checkout import ROOT, STATE

if TYPE_CHECKING:
    from collections.abc import Callable

LOCK = ROOT / "requirements" / "image.txt"
FOLDER = STATE / "pythons"
RECORD = "labkit-packages.json"
TIMEOUT_S = 20.0
_HINT = "Name an interpreter on PATH, such as python3.13, or the path of one."

# Any Python since 2.7 understands this, so the lab can report the version of one that is too old.
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
    """An interpreter that runs: `version` is "3.13.5t", `kind` "cp313t", `base` its path outside of any venv."""

    version: str
    kind: str
    base: str


@dataclass(frozen=True, slots=True)
class Installed:
    """The packages of one interpreter: `version` is "3.13.5t", `interpreter` "CPython 3.13t".

    `packages` are name to version. `left_out` are packages in the lock file that have no wheel for it.
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
    """The interpreter with this path, or this name on PATH. Raises `UsageError` if there is no suitable one."""
    path = str(Path(name).expanduser()) if os.sep in name else shutil.which(name)
    if path is None:
        raise UsageError(f"--python {name}: no such command on PATH", _HINT)
    if not Path(path).is_file():
        raise UsageError(f"--python {name}: no such file", _HINT)
    environment = {key: value for key, value in os.environ.items() if key not in MISLEADING}
    result = command.run(path, "-c", _PROBE, timeout_s=TIMEOUT_S, env=environment)
    if result.code is None:
        raise UsageError(f"--python {name}: it does not run: {result.error}", _HINT)
    answer = result.document
    try:
        parts, flags, implementation = tuple(answer["parts"]), str(answer["flags"]), str(answer["implementation"])
        version, base = str(answer["version"]), str(answer["base"])
    except (TypeError, KeyError):
        line = (result.error or result.output or "nothing").splitlines()[0][:120]
        problem = f"instead of its version it printed {line!r} and exited with code {result.code}"
        raise UsageError(f"--python {name}: not a working Python: {problem}", _HINT) from None
    if parts < wheels.OLDEST:
        raise UsageError(f"--python {name}: it is Python {version}, and the lab needs 3.11 or later", _HINT)
    short = {"CPython": "cp", "PyPy": "pp"}.get(implementation, implementation.lower())
    return Interpreter(f"{version}{flags}", f"{short}{parts[0]}{parts[1]}{flags}", base)


def digest_of(lock: Path) -> str:
    """A digest of a lock file and of the way to install it; the name of each environment ends with it."""
    return hashlib.sha256(lock.read_bytes() + Path(wheels.__file__).read_bytes()).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class PythonVenv:
    """The locked environment for one interpreter; it may not exist yet."""

    interpreter: Interpreter
    lock: Path = LOCK
    folder: Path = FOLDER

    @property
    def path(self) -> Path:
        """Its folder, once it is complete."""
        base = hashlib.sha256(self.interpreter.base.encode()).hexdigest()[:4]
        return self.folder / f"{self.interpreter.version}-{self.interpreter.kind}-{base}-{digest_of(self.lock)}"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.path / "bin" / "python"

    @property
    def installed(self) -> Installed:
        """Its packages, once it is complete."""
        return Installed.read((self.path / RECORD).read_text("utf-8"))

    def prepare(self, note: Callable[[str], None]) -> None:
        """Make it if it does not exist. Raises `MachineError`, and then leaves nothing half-made."""
        if self.path.exists():
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with turn(self.folder / "lock", note) as held:
                if not self.path.exists():  # another process may have made it meanwhile
                    note(f"making an environment for Python {self.interpreter.version} (once; a minute or two)")
                    self._make(held)
                    for name, version in self.installed.left_out.items():
                        note(f"left out: {name} {version} has no wheel for {self.installed.interpreter}")
        except OSError as error:
            raise explain(str(error), "image", "Is the checkout complete? See `git status`.", self._label) from error

    @property
    def _label(self) -> str:
        return f"the environment for Python {self.interpreter.version}"

    def _make(self, held: int) -> None:
        scratch, log = self.folder / "new", self.folder / "log"
        new = scratch / self.path.name
        python = new / "bin" / "python"
        try:
            with workspace(scratch, log, held) as steps:
                steps.make_environment(self.interpreter.base, new, python)
                pip = [str(python), "-I", "-m", "pip", *PIP_OPTIONS]
                install = [str(python), "-I", wheels.__file__, "--leave-out", str(self.lock), str(new / RECORD)]
                steps.run([*install, *pip])
                new.rename(self.path)
        except StepFailed as failure:
            fallback = f"The whole output is in {log}."
            raise explain(str(failure), "image", fallback, self._label, self.interpreter.kind) from None
