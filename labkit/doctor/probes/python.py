"""The Python that runs lab.py, and the locked environment that it needs."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path

from labkit.doctor import remedies
from labkit.doctor.machine import Machine
from labkit.model.errors import MachineError
from labkit.model.finding import Finding, failed, ok, warning
from labkit.runtime.environment import locked_packages
from labkit.setup import packed
from labkit.setup.bootstrap import LabVenv
from labkit.system.checkout import ROOT, STATE

PLACE = 10
NAME = "environment"
NEEDED_BYTES = 300_000_000
MAKE = "python lab.py approaches"


@dataclass(frozen=True, slots=True)
class VenvState:
    """The state of `.venv`, and of the inputs for making it. `task` is the work that is left; "" if it is ready."""

    exists: bool
    task: str
    foreign: str
    """The reason why lab.py must not change it; "" if it may."""
    differing: tuple[str, ...]
    """Packages in it that differ from the lock file."""
    has_venv: bool
    writable: bool
    free_bytes: int
    packed: bool = False
    """True if `unpack` has stored the wheels for it."""


def probe(machine: Machine) -> Iterator[Finding]:
    yield judge_python(sys.version_info.releaselevel, f"{platform.python_implementation()} {platform.python_version()}")
    yield judge_venv(read_venv(), machine.system, remedies.distribution())


def read_venv() -> VenvState:
    venv, task, foreign = LabVenv(ROOT, "lab"), None, ""
    try:
        task = venv.task()
    except MachineError as error:
        foreign = error.message
    exists = os.path.lexists(venv.path)
    lock = ROOT / "requirements" / "lab.txt"
    locked = locked_packages(lock.read_text("utf-8"))
    return VenvState(
        exists=exists,
        task=task.line if task else "",
        foreign=foreign,
        differing=differing(locked, installed(venv.path)) if exists and not task and not foreign else (),
        has_venv=find_spec("venv") is not None and find_spec("ensurepip") is not None,
        writable=os.access(ROOT, os.W_OK),
        free_bytes=shutil.disk_usage(ROOT).free,
        packed=bool(packed.options(STATE, hashlib.sha256(lock.read_bytes()).hexdigest())),
    )


def installed(venv: Path) -> dict[str, str]:
    """The versions of the packages in an environment, by name as in a lock file."""
    folders = [str(path) for path in (*venv.glob("lib/python*/site-packages"), *venv.glob("Lib/site-packages"))]
    return {each.name.lower().replace("_", "-").replace(".", "-"): each.version for each in distributions(path=folders)}


def differing(locked: Mapping[str, str], installed: Mapping[str, str]) -> tuple[str, ...]:
    """The locked packages that are missing or installed in another version."""
    return tuple(sorted(name for name, version in locked.items() if installed.get(name) != version))


def judge_python(level: str, version: str) -> Finding:
    if level != "final":
        message = f"{version} is not a final release: packages may be incompatible"
        return warning("python", message, "Use a released Python, 3.11 or newer.", version=version)
    return ok("python", f"{version}, {sys.executable or '?'}", version=version)


def judge_venv(venv: VenvState, system: str, family: tuple[str, ...]) -> Finding:
    """`.venv`, or whether it can be made. Whether the packages are available is known only when it is made."""
    if venv.foreign:
        return failed(NAME, venv.foreign, f"{'ren' if system == 'win32' else 'mv'} .venv .venv-other")
    if venv.task:
        return _judge_task(venv, system, family)
    if venv.differing:
        packages = f"{', '.join(venv.differing[:4])}{' and more' if len(venv.differing) > 4 else ''}"
        remove = "rmdir /s /q .venv &" if system == "win32" else "rm -r .venv &&"
        message = f".venv differs from requirements/lab.txt: {packages}"
        return warning(NAME, message, f"{remove} {MAKE}", differing=list(venv.differing))
    return ok(NAME, ".venv is ready, with the packages locked in requirements/lab.txt")


def _judge_task(venv: VenvState, system: str, family: tuple[str, ...]) -> Finding:
    if not venv.has_venv:
        message = "this Python cannot make .venv: its venv or ensurepip is missing"
        return failed(NAME, message, remedies.venv_module(system, family))
    if not venv.writable:
        return failed(NAME, "the checkout, which contains .venv, is not writable", "Use a checkout of your own.")
    if venv.free_bytes < NEEDED_BYTES:
        message = f".venv needs {NEEDED_BYTES / 1e6:.0f} MB, and {venv.free_bytes / 1e6:.0f} MB are free"
        return failed(NAME, message, "Make room on the checkout's disk.")
    if venv.exists:
        return warning(NAME, venv.task.replace(": making it again", "; the next command makes it again"), MAKE)
    if venv.packed:
        return ok(NAME, "no .venv yet; the first command makes it from the unpacked wheels")
    return warning(NAME, "no .venv yet; the first command makes it, from a package index", MAKE)
