"""Room on the checkout's disk, for results and .venv, and on the engine's, for images."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress

from labkit.doctor.machine import Machine
from labkit.model.finding import Finding, ok, warning

PLACE = 60
LITTLE_BYTES = 1_000_000_000
IMAGE_BYTES = 500_000_000  # the image, and what its build needs beside it


def probe(machine: Machine) -> Iterator[Finding]:
    yield judge_checkout(shutil.disk_usage(machine.root).free)
    if machine.engine.answers:
        folder = str(machine.engine.info.get("DockerRootDir", ""))
        yield judge_engine(_free(folder, machine), image_there=machine.image is not None)


def judge_checkout(free_bytes: int) -> Finding:
    seen = f"{free_bytes / 1e9:.1f} GB free for the checkout"
    if free_bytes < LITTLE_BYTES:
        return warning(
            "disk", seen, "Make room there; results/ can go once you need it no more.", free_bytes=free_bytes
        )
    return ok("disk", seen, free_bytes=free_bytes)


def judge_engine(free_bytes: int | None, *, image_there: bool) -> Finding:
    """None where the engine has a disk of its own that cannot be seen from here."""
    name = "disk_engine"
    if free_bytes is None:
        return ok(name, "not to be told from here: the engine has a disk of its own", free_bytes=None)
    seen = f"{free_bytes / 1e9:.1f} GB free for the engine"
    if free_bytes < (LITTLE_BYTES if image_there else LITTLE_BYTES + IMAGE_BYTES):
        return warning(name, seen, "docker builder prune", free_bytes=free_bytes)
    return ok(name, seen, free_bytes=free_bytes)


def _free(folder: str, machine: Machine) -> int | None:
    """Only an engine without a machine of its own in between keeps its files where we see them."""
    same = machine.system == "linux" and machine.engine.here
    if same and machine.engine.info.get("KernelVersion") == os.uname().release:
        with suppress(OSError):
            return shutil.disk_usage(folder).free
    return None
