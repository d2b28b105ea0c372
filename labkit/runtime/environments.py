"""The environments of other interpreters in this checkout that nobody needs any more."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

import psutil

from labkit.setup.pythons import FOLDER, LOCK, digest_of


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
