"""Processes, containers and networks that tests start: found by marks that only tests make, and removed.

Each pytest process has a folder of its own. Its path stands in the environment of every program that its tests start,
which marks the program, and serves as TMPDIR. Containers and networks are known by the prefixes of their names, which
are noted in the folder.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil

VARIABLE = "CONCURRENCY_LAB_TESTS"  # no prefix such as LAB_ or PYTHON: tests remove those from environments
PATIENCE_S = 5.0
Leftover = tuple[str, Callable[[], object]]  # its name, and what removes it


def folder() -> Path:
    """The folder of this pytest process."""
    return Path(os.environ[VARIABLE])


def make_folder(worker: str = "") -> Path:
    """Make the folder of a test session or, within it, of one of its workers."""
    tempfile.gettempdir()  # fixed from here on, so that pytest's own files stay in the usual place
    made = folder() / worker if worker else Path(tempfile.mkdtemp(prefix="lt-"))  # short: sockets stand in it
    made.mkdir(exist_ok=True)
    os.environ |= {VARIABLE: str(made), "TMPDIR": str(made)}
    return made


def note_project(prefix: str) -> None:
    """Note that tests start containers and networks whose names begin with `prefix`."""
    with (folder() / "projects").open("a", encoding="utf-8") as file:
        file.write(f"{prefix}\n")


def remaining(root: Path) -> list[str]:
    """The names of everything that the pytest process with this folder has left; waits until it ends by itself."""
    deadline = time.monotonic() + PATIENCE_S
    while (left := [name for name, _ in _leftovers(root)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def remove(root: Path) -> None:
    """Remove everything that the pytest process with this folder, and its workers, have left."""
    for _, end in _leftovers(root):
        with suppress(psutil.Error, subprocess.CalledProcessError):  # it has just ended
            end()


def _leftovers(root: Path) -> list[Leftover]:
    return [*_processes(root), *_containers_and_networks(root)]


def _processes(root: Path) -> Iterator[Leftover]:
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            marked = Path(process.environ().get(VARIABLE, "/")).is_relative_to(root)
            if marked and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                yield f"process {process.pid}: {' '.join(process.cmdline())}", process.kill


def _containers_and_networks(root: Path) -> Iterator[Leftover]:
    prefixes = tuple(line for file in root.rglob("projects") for line in file.read_text("utf-8").split())
    if prefixes:
        for kind, listing, removing in (
            ("container", ("ps", "--all", "--format", "{{.Names}}"), ("rm", "--force", "--volumes")),
            ("network", ("network", "ls", "--format", "{{.Name}}"), ("network", "rm")),
        ):
            for name in _docker(*listing):
                if name.startswith(prefixes):
                    yield f"{kind} {name}", lambda command=(*removing, name): _docker(*command)


def _docker(*arguments: str) -> list[str]:
    """The words that a docker command prints; none without an engine."""
    try:
        return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False).stdout.split()
    except FileNotFoundError:
        return []
