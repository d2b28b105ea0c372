"""Set-up: `.venv` in the checkout, made with the standard library's venv and pip from a locked requirements file.

Nothing is installed anywhere else, and no `.venv` is touched that does not carry our marker. A set-up may be killed at
any moment: `.venv` comes and goes whole, by a rename, and its marker says "ready" only after the last package is in.
Standard library only, because this runs before anything is installed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from labkit.errors import Interrupted, MachineError
from labkit.locks import take

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CHECKOUT = Path(__file__).resolve().parent.parent

# test.txt holds everything that lab.txt does, with the same pins.
_COVERS = {"lab": ("lab",), "test": ("lab", "test")}

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

# With one of these a Python takes itself for another one and does not see the virtual environment that it is part of.
_MISLEADING = ("PYTHONHOME", "PYTHONEXECUTABLE")


def ensure(requirements: str, argv: Sequence[str], checkout: Path = CHECKOUT) -> int | None:
    """Have lab.py run in the checkout's `.venv`, ready with `requirements`: "lab" or "test".

    Returns None when the running interpreter is that of a ready `.venv`. Otherwise makes or mends it and goes on there
    with `lab.py *argv`: POSIX replaces this process and never returns, Windows returns the exit code. Raises
    `MachineError` when the set-up is not possible and `Interrupted` on Ctrl-C; nothing half-made is left then.
    """
    venv = LabVenv(checkout, requirements)
    try:
        if not venv.prepare() and venv.path.samefile(sys.prefix):
            return None
        return _go_on([str(venv.python), str(checkout / "lab.py"), *argv])
    except KeyboardInterrupt:
        message = "the set-up was interrupted"
        raise Interrupted(message, "The same command starts it over.") from None
    except OSError as error:
        raise explain(str(error), requirements, "Is the checkout complete? `git status` tells.") from error


def _go_on(command: list[str]) -> int:
    environment = {name: value for name, value in os.environ.items() if name not in _MISLEADING}
    sys.stdout.flush()
    sys.stderr.flush()
    if sys.platform != "win32":
        os.execve(command[0], command, environment)  # noqa: S606 - our own interpreter
    process = subprocess.Popen(command, env=environment)
    while True:
        # Ctrl-C reaches both processes of a Windows console; the other one answers it.
        with contextlib.suppress(KeyboardInterrupt):
            return process.wait()


@dataclass(frozen=True, slots=True)
class Marker:
    """What a `.venv` of ours says of itself, as JSON in a file of its own."""

    state: str
    """building: not usable; adding: what `locks` names is whole, more may be half there; ready: all of it is whole."""
    checkout: str
    """Where it was made: the scripts in it name that path, so it can be neither moved nor copied."""
    python: str
    """Implementation, version and ABI flags: "cpython 3.11", "cpython 3.14t"."""
    base: str
    """The interpreter that it was made with."""
    stamps: list[int] = field(default_factory=list)
    """Sizes and times of change of the files that its Python needs, from when that was last seen to run."""
    locks: dict[str, str] = field(default_factory=dict)
    """SHA-256 of each requirements file that is installed whole."""


class Task(NamedTuple):
    """What a set-up has to do: make `.venv` from nothing (`afresh`) or add packages to it; `line` says it."""

    afresh: bool
    line: str


@dataclass(frozen=True, slots=True)
class LabVenv:
    """The `.venv` of one checkout, and the requirements file ("lab" or "test") that it has to hold."""

    checkout: Path
    requirements: str
    # Not sys.executable: that may be in an active virtual environment, or in the very .venv that is to be made again.
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
        """Make `.venv` ready where it is not, and say so in one line; whether it was not."""
        with contextlib.suppress(MachineError):  # a marker may be out of sight while another set-up moves .venv
            if self.task() is None:
                return False
        with self._turn() as turn:
            # Asked again: that other set-up may have done it.
            if task := self.task():
                _say(task.line)
                self._perform(task, turn)
        return True

    def task(self) -> Task | None:
        """Find, in a few milliseconds, what has to be done before the packages can be used; None when nothing."""
        packages = f"the packages locked in requirements/{self.requirements}.txt (once; about a minute)"
        if not os.path.lexists(self.path):
            return Task(afresh=True, line=f"making .venv with {packages}")
        marker = _read_marker(self.path)
        missing = [name for name in _COVERS[self.requirements] if name not in marker.locks]
        if reason := self._unusable(marker, adding=bool(missing)):
            return Task(afresh=True, line=f"{reason}: making it again with {packages}")
        return Task(afresh=False, line=f"adding to .venv {packages}") if missing else None

    def _unusable(self, marker: Marker, *, adding: bool) -> str:
        """Why this `.venv` can only be made again; "" when it is good as it is, or for `adding` to it."""
        if marker.state == "building" or (marker.state == "adding" and adding):
            return "the last set-up of .venv did not finish"
        if marker.checkout != str(self.checkout):
            return f".venv was made in {marker.checkout}"
        if marker.python != _identity():
            return f".venv was made with {marker.python}, and this is {_identity()}"
        for name in _COVERS[self.requirements]:
            if name in marker.locks and marker.locks[name] != self._digest(name):
                return f"requirements/{name}.txt has changed since .venv was made"
        return "" if self._python_runs(marker) else "the Python of .venv does not run any more"

    def _python_runs(self, marker: Marker) -> bool:
        with contextlib.suppress(OSError):
            # Files that have not changed since it last ran save the 20 ms of trying it.
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

    @contextlib.contextmanager
    def _turn(self) -> Iterator[int]:
        """Wait for other set-ups of this checkout; yields the descriptor that holds the turn."""
        self._state.mkdir(exist_ok=True)
        with (self._state / "setup.lock").open("a", encoding="utf-8") as file:
            told = False
            while not take(file.fileno()):
                if not told:
                    _say("waiting for another set-up of this checkout to end")
                told = True
                time.sleep(0.2)
            yield file.fileno()

    def _perform(self, task: Task, turn: int) -> None:
        scratch = self._state / "setup"
        shutil.rmtree(scratch, ignore_errors=True)  # from a set-up that was killed
        try:
            (scratch / "tmp").mkdir(parents=True)
            if task.afresh:
                self._make(scratch, turn)
            else:
                self._install(replace(_read_marker(self.path), state="adding"), scratch, turn)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _make(self, scratch: Path, turn: int) -> None:
        marker = Marker("building", str(self.checkout), _identity(), self.base)
        new, previous = scratch / "new", scratch / "previous"
        new.mkdir()
        _write_marker(new, marker)
        try:
            if os.path.lexists(self.path):
                self.path.rename(previous)
            new.rename(self.path)
            self._run([self.base, "-I", "-m", "venv", "--without-pip", str(self.path)], scratch, turn)
            self._run([str(self.python), "-I", "-m", "ensurepip", "--default-pip"], scratch, turn)
            (self.path / _PIP_SETTINGS_FILE).write_text(_PIP_SETTINGS, "utf-8")
            self._install(marker, scratch, turn)
        except BaseException:
            if os.path.lexists(self.path) and _read_marker(self.path).state == "building":
                self.path.rename(scratch / "half-made")
            # Without a network, the one there was may still serve the Python or the lock that it was made for.
            if os.path.lexists(previous) and _read_marker(previous).state != "building":
                previous.rename(self.path)
            raise

    def _install(self, marker: Marker, scratch: Path, turn: int) -> None:
        _write_marker(self.path, marker)
        pip = [str(self.python), "-I", "-m", "pip", "--disable-pip-version-check", "--no-input"]
        locked = ["--require-hashes", "--only-binary", ":all:", "-r", str(self._lock(self.requirements))]
        digests = {name: self._digest(name) for name in _COVERS[self.requirements]}
        self._run([*pip, "install", "--no-user", "--progress-bar", "off", *locked], scratch, turn)
        stamps = self._stamps(marker.base)
        _write_marker(self.path, replace(marker, state="ready", stamps=stamps, locks=marker.locks | digests))

    def _run(self, command: list[str], scratch: Path, turn: int) -> None:
        """Run one step of the set-up, its output kept in .lab/setup.log; raises `MachineError` when it fails."""
        kept = {name: value for name, value in os.environ.items() if _may_pass(name)}
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**kept, "TMPDIR": str(scratch / "tmp")},
            # Should this process be killed, the step that outlives it keeps the turn until it has ended too.
            pass_fds=() if sys.platform == "win32" else (turn,),
        )
        with process:
            try:
                output, _ = process.communicate()
            except BaseException:
                _stop(process)
                raise
        log = self._state / "setup.log"
        with contextlib.suppress(OSError):  # what the output says about a full disk matters more than the log
            log.write_text(f"{command}\n{output}", "utf-8")
        if process.returncode != 0:
            raise explain(output, self.requirements, f"The whole output is in {log}.")


def _read_marker(venv: Path) -> Marker:
    try:
        text = (venv / "labkit.json").read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        message = f"{venv} was not made by lab.py, which leaves it alone"
        raise MachineError(message, "Move it away or delete it; the same command then makes its own.") from None
    try:
        return Marker(**json.loads(text))
    except (TypeError, ValueError):
        return Marker("building", "", "", "")  # ours, and cut short when the machine went down


def _write_marker(venv: Path, marker: Marker) -> None:
    new = venv / "labkit.json.new"
    new.write_text(json.dumps(asdict(marker), indent=2) + "\n", "utf-8")
    new.replace(venv / "labkit.json")


def _identity() -> str:
    return f"{sys.implementation.name} {sys.version_info[0]}.{sys.version_info[1]}{getattr(sys, 'abiflags', '')}"


def _may_pass(setting: str) -> bool:
    return setting in _KEPT_PIP_SETTINGS or not setting.startswith("PIP_")


def _say(line: str) -> None:
    print(f"lab.py: {line}", file=sys.stderr, flush=True)


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


class Cause(NamedTuple):
    """A known cause of a failed set-up: how it shows in the output, what to say and what to do about it."""

    evidence: str
    message: str
    hint: str


# {line} is the last line with the evidence and {below} the one below it, {lock} the requirements file. The first cause
# found is said: a connection that was retried, say, may come before a full disk and have nothing to do with it.
_CAUSES = (
    Cause(
        r"No space left on device|not enough space on the disk|Disk quota exceeded|\[Errno (28|122)\]|WinError 112",
        "the disk that the checkout is on is full: .venv does not fit",
        "Make some 300 MB of room there and run the same command again.",
    ),
    Cause(
        r"DO NOT MATCH THE HASHES|HashMismatch",
        "a downloaded package is not the one that {lock} names by its hash: {below}",
        "A download that was cut short does this too: run the same command again. If that does not help, the package "
        "index or a proxy hands out another file: do not use it, and name an index that you trust with PIP_INDEX_URL.",
    ),
    Cause(
        r"Retry\(total=0|Max retries exceeded|HTTPS?Connection(Pool)?\(|HTTP error \d|ProxyError|SSLError"
        r"|[Rr]ead timed out|Connection (aborted|reset|broken)|IncompleteRead|incomplete-download"
        r"|TLS CA certificate|not a trusted or secure host",
        "the package index cannot be reached: {line}",
        "Check the network and run the same command again. PIP_INDEX_URL names another index, HTTPS_PROXY a proxy, and "
        "PIP_CERT a file with the certificates that the network asks you to trust.",
    ),
    Cause(
        r"No matching distribution found|is not a supported wheel on this platform",
        "no package index offers what {lock} names as a wheel for {python} on {machine}: {line}",
        "Try another Python, say 3.12 or 3.13. If it is the same with that one, the index is closed or incomplete: "
        "PIP_INDEX_URL names another.",
    ),
    Cause(
        r"No module named '?(ensurepip|venv)|ensurepip is not available",
        "this Python cannot make virtual environments: its venv or ensurepip is missing",
        "On Debian and Ubuntu: `apt install python3-venv`. Elsewhere: use a Python that has them.",
    ),
    Cause(
        r"Permission denied|Operation not permitted|Read-only file system|Errno (1|13|30)\]|WinError (5|32)\]",
        "the checkout cannot be written to, and .venv and .lab are made in it: {line}",
        "Use a checkout that is yours, on a disk that is not read-only, and end the programs that run from its .venv.",
    ),
)


def explain(output: str, requirements: str, otherwise: str) -> MachineError:
    """Say what made the set-up fail, from what a step of it wrote or from the text of an `OSError`.

    `otherwise` is the hint for a failure that is none of the known ones.
    """
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["it ended without a word"]
    for cause in _CAUSES:
        if found := [index for index, line in enumerate(lines) if re.search(cause.evidence, line)]:
            line, below = (_clipped(line) for line in [*lines, ""][found[-1] : found[-1] + 2])
            words = {"lock": f"requirements/{requirements}.txt", "python": _identity(), "machine": platform.machine()}
            return MachineError(cause.message.format(line=line, below=below, **words), cause.hint)
    line = [*lines[-1:], *(line for line in lines if line.startswith("ERROR: "))][-1]
    return MachineError(f"the set-up of .venv failed: {_clipped(line)}", otherwise)


def _clipped(line: str) -> str:
    """Leave out what only a programmer of pip can read."""
    noise = r"^(WARNING|ERROR): |Retrying \(Retry\(.*?\)\) after |<pip\._vendor.*?>: |#sha256=\w+| \(from -r .*"
    return textwrap.shorten(re.sub(noise, "", line), 300)
