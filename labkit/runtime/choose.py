"""Which runtime a comparison uses, and why."""

from __future__ import annotations

import os
from collections.abc import Callable

from labkit import leftovers
from labkit.errors import MachineError
from labkit.runtime import Runtime
from labkit.runtime.docker import DockerRuntime
from labkit.runtime.local import LocalRuntime


def choose(wanted: str, project: str, note: Callable[[str], None]) -> tuple[Runtime, str]:
    """The runtime for ``auto``, ``docker`` or ``local``, and the reason in a few words; `note` tells a person.

    What runs that were killed left behind on the engine is removed on the way. Raises `MachineError` when the runtime
    asked for, or with ``auto`` any, cannot be had.
    """
    if wanted == "local":
        return LocalRuntime(), "asked for"
    try:
        runtime = DockerRuntime(project, note)
        leftovers.remove_dead_projects(runtime.engine)
        return runtime, "asked for" if wanted == "docker" else "an engine answers"
    except MachineError as error:
        if wanted == "docker":
            raise
        if os.name != "posix":
            raise MachineError(
                f"neither runtime works here: {error.message}, and gunicorn does not run on Windows",
                "Start Docker Desktop, or run the lab inside WSL.",
            ) from error
        note(f"without Docker, with processes on this machine: {error.message}")
        return LocalRuntime(), error.message
