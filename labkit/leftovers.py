"""What runs of this checkout that were killed have left on the engine."""

from __future__ import annotations

from labkit import owner
from labkit.runtime import tags
from labkit.runtime.building import BUILT
from labkit.runtime.engine import Engine


def remove_dead_projects(engine: Engine) -> int:
    """Remove the containers and networks of runs that have ended; returns of how many runs. `up` is none of these."""
    dead = owner.dead_projects(engine.projects(owner.prefix()))
    for project in dead:
        engine.remove_project(project)
    owner.forget_dead_runs()
    return len(dead)


def remove_old_images(engine: Engine) -> int:
    """Remove the images that this checkout built from an earlier state of itself; returns how many."""
    built = set(BUILT.read_text("utf-8").split()) if BUILT.exists() else set()
    old = {tag for tag in built if not tags.is_current(tag)}
    removed = {tag for tag in old if engine.remove_image(f"{tags.IMAGE}:{tag}")}
    if removed:
        BUILT.write_text("".join(f"{tag}\n" for tag in sorted(built - removed)), encoding="utf-8")
    return len(removed)
