"""Who owns what: marks what each run of the lab creates, and tells runs that still go on from dead ones.

Every run holds a lock on a file of its own in ``.lab/runs/``. The system releases the lock when the run ends, in
whatever way, so what belongs to a run without a held lock was left behind.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

from labkit.system.checkout import ROOT
from labkit.system.locks import take

UP = "up"
UP_STATE = ROOT / ".lab" / "up.json"


def new_run(started: datetime) -> str:
    """A name for a run, which nothing else in this checkout has."""
    return f"{started:%Y%m%d-%H%M%S}-{os.urandom(2).hex()}"


def project(run: str) -> str:
    """The Compose project of a run of this checkout on this machine."""
    return f"{prefix()}{run}"


def prefix(root: Path = ROOT) -> str:
    """What the names of this checkout's Compose projects begin with; others on the same engine begin otherwise."""
    return f"lab-{hashlib.sha256(f'{platform.node()}:{root}'.encode()).hexdigest()[:8]}-"


@contextmanager
def running(run: str, root: Path = ROOT) -> Iterator[None]:
    """Own what is marked with `run` for the length of a with block."""
    folder = root / ".lab" / "runs"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / run
    with ExitStack() as stack:
        while True:
            file = stack.enter_context(path.open("a", encoding="utf-8"))
            # Another lab that looks for dead runs may hold it for a moment, and take it for one and remove it.
            if take(file.fileno()) and path.exists() and path.stat().st_ino == os.fstat(file.fileno()).st_ino:
                break
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def is_running(run: str, root: Path = ROOT) -> bool:
    """Whether a run of this checkout still goes on; one without a file has ended."""
    try:
        with (root / ".lab" / "runs" / run).open("r+", encoding="utf-8") as file:
            return not take(file.fileno())
    except FileNotFoundError:
        return False


def dead_projects(projects: Iterable[str]) -> list[str]:
    """Of these Compose projects, those of runs of this checkout that have ended; `up` is none of them."""
    ours = {project: project.removeprefix(prefix()) for project in projects if project.startswith(prefix())}
    return [project for project, run in ours.items() if run != UP and not is_running(run)]


def forget_dead_runs(root: Path = ROOT) -> None:
    """Remove the files of runs that were killed."""
    folder = root / ".lab" / "runs"
    for path in folder.iterdir() if folder.is_dir() else ():
        if not is_running(path.name, root):
            path.unlink(missing_ok=True)
