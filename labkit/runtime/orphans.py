"""Leftovers of killed harnesses on this machine."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import suppress
from pathlib import Path

from clients.harness.recorder import FOLDER_PREFIX, LOG_NAME, PATH_VARIABLE

_NAME = re.compile(rf"{FOLDER_PREFIX}(\d+)-[0-9a-f]+")


def remove_dead_harnesses() -> int:
    """Kill the processes that killed harnesses had started, and remove their temporary folders; returns their number.

    The environment of such a process names the folder.
    """
    import psutil  # noqa: PLC0415 - `dead_harnesses` needs the standard library only

    dead = dead_harnesses()
    for process in psutil.process_iter() if dead else ():
        with suppress(psutil.Error):
            log = process.environ().get(PATH_VARIABLE, "")
            if Path(log).parent in dead:
                process.kill()
    for folder in dead:
        shutil.rmtree(folder, ignore_errors=True)
    return len(dead)


def dead_harnesses() -> list[Path]:
    """The temporary folders of killed harnesses (POSIX only). Removes nothing."""
    base = Path(os.environ.get("TMPDIR") or "/tmp")  # noqa: S108 - where the harness makes them
    return [
        folder
        for folder in base.glob(f"{FOLDER_PREFIX}*")
        if (name := _NAME.fullmatch(folder.name))
        and not _exists(int(name[1]))
        and (folder / LOG_NAME).exists()
        and folder.stat().st_uid == os.getuid()
    ]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True
