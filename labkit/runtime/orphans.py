"""What harnesses that were killed have left on this machine."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import psutil

from clients.harness.recorder import PATH_VARIABLE


def remove_dead_harnesses() -> int:
    """End what harnesses that were killed had started, and remove their temporary folders; returns how many there were.

    The processes are known by their environment: it names the folder.
    """
    dead = [
        folder
        for folder in Path(tempfile.gettempdir()).glob("concurrency-lab-*-*")
        if not psutil.pid_exists(int(folder.name.split("-")[2]))
    ]
    for process in psutil.process_iter() if dead else ():
        with suppress(psutil.Error):
            notes = process.environ().get(PATH_VARIABLE, "")
            if any(Path(notes).parent == folder for folder in dead):
                process.kill()
    for folder in dead:
        shutil.rmtree(folder, ignore_errors=True)
    return len(dead)
