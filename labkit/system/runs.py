"""Runs of the lab: a label on everything that a run creates, and a lock that shows that the run is still running.

Each run locks a file of its own in ``.lab/runs/``. The operating system releases the lock when the run ends, even if it
is killed. A label without a locked file therefore marks leftovers.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

from labkit.system.checkout import ROOT, STATE
from labkit.system.locks import try_lock

UP = "up"  # the server of `lab.py up`, which outlives its command
UP_STATE = STATE / "up.json"
_FOLDER = STATE / "runs"


def new_run(started: datetime) -> str:
    """A run's id, unique in this checkout."""
    return f"{started:%Y%m%d-%H%M%S}-{os.urandom(2).hex()}"


def project(run: str) -> str:
    """The name of a run's Compose project, unique to this checkout on this machine."""
    return f"{project_prefix()}{run}"


def project_prefix(root: Path = ROOT) -> str:
    """The prefix of a checkout's Compose projects; another checkout on the same engine has another one."""
    return f"lab-{hashlib.sha256(f'{platform.node()}:{root}'.encode()).hexdigest()[:8]}-"


@contextmanager
def running(run: str) -> Iterator[None]:
    """Mark `run` as running for the length of a with block."""
    _FOLDER.mkdir(parents=True, exist_ok=True)
    path = _FOLDER / run
    with ExitStack() as stack:
        while True:
            file = stack.enter_context(path.open("a", encoding="utf-8"))
            # Another lab that removes dead runs may lock the file for a moment, or have removed it already.
            if try_lock(file.fileno()) and path.exists() and path.stat().st_ino == os.fstat(file.fileno()).st_ino:
                break
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def is_running(run: str) -> bool:
    """True if a run of this checkout is still running."""
    try:
        with (_FOLDER / run).open("r+", encoding="utf-8") as file:
            return not try_lock(file.fileno())
    except FileNotFoundError:
        return False


def dead_runs() -> list[Path]:
    """The files of runs that were killed."""
    return [path for path in _FOLDER.glob("*") if not is_running(path.name)]


def dead_projects(projects: Iterable[str]) -> list[str]:
    """Those of `projects` that belong to ended runs of this checkout; never the one of `up`."""
    prefix = project_prefix()
    ours = [project for project in projects if project.startswith(prefix) and project != f"{prefix}{UP}"]
    return [project for project in ours if not is_running(project.removeprefix(prefix))]
