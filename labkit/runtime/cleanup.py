"""The environments of other interpreters in this checkout that nobody needs any more."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

import psutil

from labkit.runtime import tags
from labkit.runtime.building import BUILT
from labkit.runtime.engine import Engine
from labkit.setup.pythons import FOLDER, LOCK, digest_of
from labkit.system import runs


def remove_old_environments(folder: Path = FOLDER, lock: Path = LOCK) -> int:
    """Remove the environments of other interpreters that were made from an earlier lock; returns how many there were.

    One whose Python runs just now stays.
    """
    current = digest_of(lock)
    old = [path for path in folder.glob("*-*-*-*") if not path.name.endswith(f"-{current}")]
    for process in psutil.process_iter() if old else ():
        with suppress(psutil.Error):
            executable = Path((process.cmdline() or ["."])[0])
            old = [path for path in old if not executable.is_relative_to(path)]
    for path in old:
        shutil.rmtree(path, ignore_errors=True)
    return len(old)


def remove_dead_projects(engine: Engine) -> int:
    """Remove the containers and networks of runs that have ended; returns of how many runs. `up` is none of these."""
    dead = runs.dead_projects(engine.projects(runs.prefix()))
    for project in dead:
        engine.remove_project(project)
    runs.forget_dead_runs()
    return len(dead)


def remove_old_images(engine: Engine) -> int:
    """Remove the images that this checkout built from an earlier state of itself; returns how many."""
    built = set(BUILT.read_text("utf-8").split()) if BUILT.exists() else set()
    old = {tag for tag in built if not tags.is_current(tag)}
    removed = {tag for tag in old if engine.remove_image(f"{tags.IMAGE}:{tag}")}
    if removed:
        BUILT.write_text("".join(f"{tag}\n" for tag in sorted(built - removed)), encoding="utf-8")
    return len(removed)
