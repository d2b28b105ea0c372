"""Names of the running lane: a task, greenlet, thread, process or interpreter."""

from __future__ import annotations

import sys
import threading
from itertools import count
from weakref import WeakKeyDictionary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# A trio task has the name of its function, so tasks need a number.
_trio_numbers: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
_numbers = count(1)


def current_lane() -> str:
    """Return the name of the innermost lane that runs this code, such as ``Task-3`` or ``ForkPoolWorker-2``."""
    return _task() or _greenlet() or thread_lane()


def _task() -> str | None:
    if (asyncio := sys.modules.get("asyncio")) is not None:
        try:
            if (task := asyncio.current_task()) is not None:
                return str(task.get_name())
        except RuntimeError:  # no event loop in this thread
            pass
    if (trio := sys.modules.get("trio")) is not None:
        try:
            task = trio.lowlevel.current_task()
        except RuntimeError:  # not inside trio.run
            return None
        if task not in _trio_numbers:
            _trio_numbers[task] = next(_numbers)
        return f"{task.name.rpartition('.')[2]}-{_trio_numbers[task]}"
    return None


def _greenlet() -> str | None:
    if (gevent := sys.modules.get("gevent")) is not None:
        greenlet = gevent.getcurrent()
        if isinstance(greenlet, gevent.Greenlet):
            return str(greenlet.name)
    return None


def thread_lane() -> str:
    """Return the name of the thread, process or interpreter that runs this code, but not of the task."""
    thread = threading.current_thread().name
    parts = [thread] if thread != "MainThread" else []
    if (multiprocessing := sys.modules.get("multiprocessing.process")) is not None:
        process = multiprocessing.current_process().name
        if process != "MainProcess":
            parts.insert(0, process)
    if (interpreters := sys.modules.get("_interpreters")) is not None:
        number, _ = interpreters.get_current()
        if number != 0:
            parts = [f"Interpreter-{number}"]
    return " ".join(parts) or "MainThread"
