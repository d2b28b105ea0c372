"""``lab.py clean``: removes whatever this lab left behind, and nothing else."""

from __future__ import annotations

from argparse import Namespace

from labkit import leftovers, standing
from labkit.errors import MachineError
from labkit.runtime.engine import Engine
from labkit.runtime.orphans import remove_dead_harnesses


def run(options: Namespace) -> int:
    """Remove leftovers and say what they were; 0. What a lab that runs now uses stays."""
    try:
        engine = Engine()
    except MachineError as error:
        print(f"Docker: not looked at: {error.message}.")
    else:
        print(f"Docker: removed what {leftovers.remove_dead_projects(engine)} runs had left behind.")
        print(f"Docker: removed {leftovers.remove_old_images(engine)} images of earlier states of this checkout.")
    stopped = standing.stop()
    print("Server: none was up." if stopped is None else f"Server: stopped the one on {stopped.url}.")
    print(f"Processes: ended what {remove_dead_harnesses()} killed harnesses had left.")
    return 0
