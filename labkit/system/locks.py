"""File locks that the operating system releases when their holder ends, even if it is killed."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


def try_lock(file: int) -> bool:
    """Lock an open file (a descriptor) unless another process holds the lock; return True on success.

    The lock lasts until every process that inherited the descriptor has closed it.
    """
    try:
        if sys.platform == "win32":
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # PermissionError: on Windows
        return False
    return True
