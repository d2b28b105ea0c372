"""Downloads the wheels of the local runtime for several systems and Pythons, checked by the hashes in the lock file."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.markers import Marker

from labkit.bundle.manifest import Wheels, system
from labkit.bundle.progress import Advance
from labkit.model.errors import MachineError
from labkit.setup.failures import explain
from labkit.setup.marker import identity
from labkit.setup.steps import PIP_OPTIONS, StepFailed, Steps

AT_ONCE = 3
# os_name and sys_platform in the markers of the lock file.
_MARKERS = {"linux": ("posix", "linux"), "macos": ("posix", "darwin"), "windows": ("nt", "win32")}
_ARCHITECTURES = {"amd64": ("x86_64", "x86_64", "amd64"), "arm64": ("aarch64", "arm64", "arm64")}
# The oldest supported systems, whose wheels also run on newer ones: Debian 10 and RHEL 8 (glibc 2.28), macOS 11.
_GLIBC = 28
_MACOS = "11_0"
_LINE = re.compile(r"^([^\s;]+) ; (.*?) ?\\?$", re.MULTILINE)


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """A system ("linux", "macos", "windows") and a version of CPython ("3.13")."""

    system: str
    python: str

    @property
    def name(self) -> str:
        return f"{self.system}-{self.python}"


def targets(names: Sequence[str]) -> tuple[Target, ...]:
    """The targets with these names, as in `--for`. Raises `MachineError` if "here" is not a possible target."""
    targets = set()
    for name in names:
        if name == "here":
            if not system() or not re.fullmatch(r"cpython 3\.\d+", identity()):
                raise MachineError(
                    f"no wheels are packed for {identity()} on this system",
                    "Wheels are packed for CPython on Linux (glibc), macOS and Windows: name such targets with --for.",
                )
            targets.add(Target(system(), identity().removeprefix("cpython ")))
        else:
            targets.add(Target(*name.split("-")))
    return tuple(sorted(targets))


def download(
    targets: Sequence[Target], architecture: str, lock: Path, folder: Path, *, steps: Steps, advance: Advance
) -> tuple[Wheels, ...]:
    """Download the wheels of each target into a folder of its own in `folder`. Raises `MachineError`."""

    def one(target: Target) -> Wheels:
        place = folder / target.name
        place.mkdir(parents=True)
        file = folder / f"{target.name}.txt"
        file.write_text(lock_for(lock.read_text("utf-8"), target), "utf-8")
        step = replace(steps, log=steps.log.with_stem(f"{steps.log.stem}-{target.name}"))
        try:
            step.run(_command(target, architecture, file, place))
        except StepFailed as failure:
            hint = f"The whole output is in {step.log}. --for chooses the targets."
            raise explain(str(failure), "lab", hint, "the bundle", f"Python {target.python}, {target.system}") from None
        advance(1)
        files = tuple(sorted(f"wheels/{each.name}" for each in place.iterdir()))
        return Wheels(target.system, f"cpython {target.python}", files)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        tasks = [pool.submit(one, target) for target in targets]
        try:
            return tuple(task.result() for task in tasks)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def lock_for(lock: str, target: Target) -> str:
    """The part of a lock file that `target` needs, because pip evaluates markers for the machine that it runs on."""
    os_name, platform = _MARKERS[target.system]
    machine = {
        "os_name": os_name,
        "sys_platform": platform,
        "python_version": target.python,
        "python_full_version": f"{target.python}.0",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    kept = []
    for block in re.findall(r"^[^\s#].*\n(?:[ \t].*\n)*", lock, re.MULTILINE):
        if (line := _LINE.match(block)) is None:
            kept.append(block)
        elif Marker(line[2]).evaluate(dict(machine)):
            kept.append(f"{line[1]} \\{block[line.end() :]}")
    return "".join(kept)


def _command(target: Target, architecture: str, lock: Path, place: Path) -> list[str]:
    pip = [sys.executable, "-I", "-m", "pip", *PIP_OPTIONS, "download", "--quiet", "--progress-bar", "off"]
    kind = ["--implementation", "cp", "--python-version", target.python]
    kind += [f"--platform={name}" for name in _platforms(target.system, architecture)]
    locked = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--requirement", str(lock)]
    return [*pip, *kind, *locked, "--dest", str(place)]


def _platforms(name: str, architecture: str) -> list[str]:
    linux, macos, windows = _ARCHITECTURES[architecture]
    if name == "macos":
        return [f"macosx_{_MACOS}_{macos}"]
    if name == "windows":
        return [f"win_{windows}"]
    return [f"manylinux_2_{minor}_{linux}" for minor in range(_GLIBC, 4, -1)] + [
        f"manylinux{old}_{linux}" for old in ("2014", "2010", "1")
    ]
