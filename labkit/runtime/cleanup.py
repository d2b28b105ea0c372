"""Removal of leftovers: environments of other interpreters, containers and networks, and images."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

import psutil

from labkit.runtime import building, tags
from labkit.runtime.engine import Engine
from labkit.setup.pythons import FOLDER, LOCK, digest_of
from labkit.system import runs


def remove_old_environments(folder: Path = FOLDER, lock: Path = LOCK) -> int:
    """Remove the environments of other interpreters that were made from an earlier lock file; returns their number.

    An environment whose Python is running stays.
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
    """Remove the containers and networks of ended runs, but never those of `up`; returns the number of runs."""
    dead = runs.dead_projects(engine.projects(runs.project_prefix()))
    for project in dead:
        engine.remove_project(project)
    for path in runs.dead_runs():
        path.unlink(missing_ok=True)
    return len(dead)


def remove_old_images(engine: Engine) -> int:
    """Remove the images that this checkout built from an earlier state of itself; returns their number."""
    removed = {tag for tag in building.outdated_tags() if engine.remove_image(f"{tags.IMAGE}:{tag}")}
    if removed:
        left = sorted(building.built_tags() - removed)
        building.BUILT.write_text("".join(f"{tag}\n" for tag in left), encoding="utf-8")
    return len(removed)
