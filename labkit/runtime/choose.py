"""Which runtime a comparison uses, and why."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from labkit.model.errors import MachineError
from labkit.runtime import Runtime, compose


def choose(wanted: str, project: str, note: Callable[[str], None]) -> tuple[Runtime, str]:
    """The runtime for ``auto``, ``docker`` or ``local``, and the reason in a few words; `note` tells a person.

    What runs that were killed left behind on the engine is removed on the way. Raises `MachineError` when the runtime
    asked for, or with ``auto`` any, cannot be had.
    """
    if wanted == "local":
        return _local(note), "asked for"
    try:
        return _docker(project, note), "asked for" if wanted == "docker" else "an engine answers"
    except MachineError as error:
        if wanted == "docker":
            raise
        if os.name != "posix":
            raise MachineError(
                f"neither runtime works here: {error.message}, and gunicorn does not run on Windows",
                "Start Docker Desktop, or run the lab inside WSL.",
            ) from error
        note(f"without Docker, with processes on this machine: {error.message}")
        return _local(note), error.message


def _docker(project: str, note: Callable[[str], None]) -> Runtime:
    with ThreadPoolExecutor(1) as pool:
        version = pool.submit(compose.version)  # takes as long as the SDK's import does
        from labkit.runtime.cleanup import remove_dead_projects  # noqa: PLC0415
        from labkit.runtime.docker import DockerRuntime  # noqa: PLC0415

        runtime = DockerRuntime(project, version.result(), note)
    remove_dead_projects(runtime.engine)
    return runtime


def _local(note: Callable[[str], None]) -> Runtime:
    from labkit.runtime.local import LocalRuntime  # noqa: PLC0415 - each runtime is imported only if it is used

    return LocalRuntime(note)
