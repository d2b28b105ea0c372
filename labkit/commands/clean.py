"""``lab.py clean``: remove the leftovers of this lab, and nothing else."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable

from labkit.model.errors import MachineError
from labkit.runtime import up
from labkit.runtime.cleanup import remove_dead_projects, remove_old_environments, remove_old_images
from labkit.runtime.engine import Engine
from labkit.runtime.orphans import remove_dead_harnesses


def run(options: Namespace) -> int:
    """Remove leftovers and print their numbers; 0. Everything that a running lab uses stays."""
    _report("killed harnesses removed, with their processes and files", remove_dead_harnesses)
    _report("old environments of other interpreters removed", remove_old_environments)
    _report("servers from `up` stopped", lambda: int(up.stop() is not None))
    _report("killed comparisons removed, with their containers", lambda: remove_dead_projects(Engine()))
    _report("images of earlier states of this checkout removed", lambda: remove_old_images(Engine()))
    return 0


def _report(label: str, remove: Callable[[], int]) -> None:
    try:
        print(f"{label}: {remove()}")
    except MachineError as error:
        print(f"{label}: not checked: {error.message}")
