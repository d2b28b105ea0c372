"""The Python that runs lab.py, and the locked environment that it is to make or has made."""

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

PLACE = 10
NEEDED_BYTES = 300_000_000
MAKE = "python lab.py approaches"


@dataclass(frozen=True, slots=True)
class Environment:
    """What `.venv` is like, and what making it needs. `task` is what a set-up would do; "" when nothing."""

    there: bool
    task: str
    foreign: str
    """Why it is not ours to touch; "" when it is."""
    differing: tuple[str, ...]
    """Packages in it that are not as they are locked."""
    has_venv: bool
    writable: bool
    free_bytes: int
    packed: bool = False
    """Whether `unpack` has put the wheels there that it is made from."""


def probe(machine: Machine) -> Iterator[Finding]:
    yield judge_python(sys.version_info.releaselevel, f"{platform.python_implementation()} {platform.python_version()}")
    yield judge_environment(read(machine.root), machine.system, remedies.distribution())


def read(root: Path) -> Environment:
    venv, task, foreign = LabVenv(root, "lab"), "", ""
    try:
        found = venv.task()
        task = found.line if found else ""
    except MachineError as error:
        foreign = error.message
    there = os.path.lexists(venv.path)
    lock = root / "requirements" / "lab.txt"
    locked = locked_packages(lock.read_text("utf-8"))
    return Environment(
        there=there,
        task=task,
        foreign=foreign,
        differing=differing(locked, installed(venv.path)) if there and not task and not foreign else (),
        has_venv=find_spec("venv") is not None and find_spec("ensurepip") is not None,
        writable=os.access(root, os.W_OK),
        free_bytes=shutil.disk_usage(root).free,
        packed=bool(packed.options(root / ".lab", hashlib.sha256(lock.read_bytes()).hexdigest())),
    )


def installed(venv: Path) -> dict[str, str]:
    """The packages in an environment, by name as in a lock file, with their versions."""
    folders = [str(path) for path in (*venv.glob("lib/python*/site-packages"), *venv.glob("Lib/site-packages"))]
    return {each.name.lower().replace("_", "-").replace(".", "-"): each.version for each in distributions(path=folders)}


def differing(locked: Mapping[str, str], there: Mapping[str, str]) -> tuple[str, ...]:
    """What is locked for every machine and missing, or there in another version."""
    return tuple(sorted(name for name, version in locked.items() if there.get(name) != version))


def judge_python(level: str, version: str) -> Finding:
    if level != "final":
        said = f"{version}, which is no final release: packages may not fit it"
        return warning("python", said, "Use a released Python, 3.11 or newer.", version=version)
    return ok("python", f"{version}, {sys.executable or '?'}", version=version)


def judge_environment(seen: Environment, system: str, family: tuple[str, ...]) -> Finding:
    """`.venv` as it is, or whether it can be made; that the packages can be had, only making it tells."""
    name = "environment"
    if seen.foreign:
        return failed(name, seen.foreign, f"{'ren' if system == 'win32' else 'mv'} .venv .venv-other")
    if seen.task:
        return _judge_making(seen, system, family)
    if seen.differing:
        many = f"{', '.join(seen.differing[:4])}{' and more' if len(seen.differing) > 4 else ''}"
        remove = "rmdir /s /q .venv &" if system == "win32" else "rm -r .venv &&"
        said = f".venv is not as requirements/lab.txt locks it: {many}"
        return warning(name, said, f"{remove} {MAKE}", differing=list(seen.differing))
    return ok(name, ".venv is ready, and holds what requirements/lab.txt locks")


def _judge_making(seen: Environment, system: str, family: tuple[str, ...]) -> Finding:
    name = "environment"
    if not seen.has_venv:
        said = "this Python cannot make .venv: its venv or ensurepip is missing"
        return failed(name, said, remedies.venv_module(system, family))
    if not seen.writable:
        return failed(name, "the checkout cannot be written to, and .venv is made in it", "Use a checkout of your own.")
    if seen.free_bytes < NEEDED_BYTES:
        said = f"no room for .venv: {seen.free_bytes / 1e6:.0f} MB free, and it takes {NEEDED_BYTES / 1e6:.0f}"
        return failed(name, said, "Make room on the checkout's disk.")
    if seen.packed and not seen.there:
        return ok(name, ".venv is not there; the first command makes it, from the packages that were unpacked")
    again = seen.task.replace(": making it again", "; the next command makes it again")
    state = again if seen.there else ".venv is not there; the first command makes it, from a package index"
    return warning(name, state, MAKE)
