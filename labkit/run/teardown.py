"""How a command ends: nothing that it started is left."""

from __future__ import annotations

from collections.abc import Callable

from labkit.model import Notice
from labkit.model.errors import Interrupted, LabError
from labkit.runtime import Runtime
from labkit.system.interrupts import ignore_interrupts

NOT_SAVED = "not_saved"


def run_and_close(run: Callable[[], object], runtime: Runtime, interrupted: Callable[[], str]) -> LabError | None:
    """Run as much as can be; returns what stopped it. Nothing that was started is left afterwards.

    `interrupted` says what a person is told who ends it before its time.
    """
    stopped: LabError | None = None
    try:
        run()
    except KeyboardInterrupt:
        stopped = Interrupted(interrupted())
    except LabError as error:
        stopped = error
    finally:
        with ignore_interrupts():
            try:
                runtime.close()
            except LabError as error:  # the engine has gone
                stopped = stopped or error
    return stopped


def not_saved(error: LabError) -> Notice:
    """What a person should know of something that the disk did not take."""
    return Notice(NOT_SAVED, error.message, error.hint)
