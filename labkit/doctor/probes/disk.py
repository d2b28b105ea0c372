"""Free space on the checkout's disk, for results and .venv, and on the engine's, for images."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress

from labkit.doctor.machine import Machine
from labkit.model.finding import Finding, ok, warning
from labkit.system.checkout import ROOT

PLACE = 60
LEAST_BYTES = 1_000_000_000
IMAGE_BYTES = 500_000_000  # the image, and its build


def probe(machine: Machine) -> Iterator[Finding]:
    yield judge_checkout(shutil.disk_usage(ROOT).free)
    if machine.engine.answers:
        folder = str(machine.engine.info.get("DockerRootDir", ""))
        yield judge_engine(_free(folder, machine), has_image=machine.image is not None)


def judge_checkout(free_bytes: int) -> Finding:
    message = f"{free_bytes / 1e9:.1f} GB free for the checkout"
    if free_bytes < LEAST_BYTES:
        return warning("disk", message, "Free space there; old results/ can be deleted.", free_bytes=free_bytes)
    return ok("disk", message, free_bytes=free_bytes)


def judge_engine(free_bytes: int | None, *, has_image: bool) -> Finding:
    """`free_bytes` is None if the engine's disk is not visible from this machine."""
    name = "disk_engine"
    if free_bytes is None:
        return ok(name, "unknown: the engine has a disk of its own", free_bytes=None)
    message = f"{free_bytes / 1e9:.1f} GB free for the engine"
    if free_bytes < LEAST_BYTES + (0 if has_image else IMAGE_BYTES):
        return warning(name, message, "docker builder prune", free_bytes=free_bytes)
    return ok(name, message, free_bytes=free_bytes)


def _free(folder: str, machine: Machine) -> int | None:
    """Only an engine without a virtual machine keeps its files on a visible disk."""
    same = machine.system == "linux" and machine.engine.is_local
    if same and machine.engine.info.get("KernelVersion") == os.uname().release:
        with suppress(OSError):
            return shutil.disk_usage(folder).free
    return None
