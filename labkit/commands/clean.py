"""``lab.py clean``: removes whatever this lab left behind, and nothing else."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable

from labkit.model.errors import MachineError
from labkit.runtime import up
from labkit.runtime.cleanup import remove_dead_projects, remove_old_environments, remove_old_images
from labkit.runtime.engine import Engine
from labkit.runtime.orphans import remove_dead_harnesses


def run(options: Namespace) -> int:
    """Remove leftovers and say what they were; 0. What a lab that runs now uses stays."""
    _report("killed harnesses whose processes and files were removed", remove_dead_harnesses)
    _report("environments of other interpreters from an earlier lock that were removed", remove_old_environments)
    _report("servers from `up` that were stopped", lambda: int(up.stop() is not None))
    _report("killed comparisons whose containers were removed", lambda: remove_dead_projects(Engine()))
    _report("images of earlier states of this checkout that were removed", lambda: remove_old_images(Engine()))
    return 0


def _report(what: str, remove: Callable[[], int]) -> None:
    try:
        print(f"{what}: {remove()}")
    except MachineError as error:
        print(f"{what}: not looked for, as {error.message}")
