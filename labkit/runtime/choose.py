"""The choice of the runtime."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from labkit.model.errors import MachineError
from labkit.runtime import Runtime, compose


def choose(name: str, project: str, note: Callable[[str], None]) -> tuple[Runtime, str]:
    """The runtime for ``auto``, ``docker`` or ``local``, and the reason in a few words.

    Also removes leftovers of killed runs from the engine. Raises `MachineError` if the runtime does not work here; for
    ``auto``, if none does.
    """
    if name == "local":
        return _local(note), "requested"
    try:
        return _docker(project, note), "requested" if name == "docker" else "an engine answers"
    except MachineError as error:
        if name == "docker":
            raise
        if os.name != "posix":
            raise MachineError(
                f"neither runtime works here: {error.message}, and gunicorn does not run on Windows",
                "Start Docker Desktop, or run the lab inside WSL.",
            ) from error
        note(f"using processes on this machine, because Docker does not work: {error.message}")
        return _local(note), error.message


def _docker(project: str, note: Callable[[str], None]) -> Runtime:
    with ThreadPoolExecutor(1) as pool:
        version = pool.submit(compose.version)  # as slow as importing the SDK: in parallel
        from labkit.runtime.cleanup import remove_dead_projects  # noqa: PLC0415
        from labkit.runtime.docker import DockerRuntime  # noqa: PLC0415

        runtime = DockerRuntime(project, version.result(), note)
    remove_dead_projects(runtime.engine)
    return runtime


def _local(note: Callable[[str], None]) -> Runtime:
    from labkit.runtime.local import LocalRuntime  # noqa: PLC0415 - import only the runtime in use

    return LocalRuntime(note)
