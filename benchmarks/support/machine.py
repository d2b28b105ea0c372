"""The machine that a benchmark ran on, and its state at the start."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from functools import cache

import psutil

from benchmarks.support import needs
from labkit.runtime.environment import git_commit

LOOK_S = 0.2


@dataclass(frozen=True, slots=True)
class Machine:
    """`load_1min` is the load average, `cpu_percent` the share of all CPUs in use by other programs at the start."""

    cpus: int
    memory_bytes: int
    kernel: str
    python: str
    docker: str | None
    commit: str | None
    load_1min: float
    cpu_percent: float


@cache
def _commit() -> str | None:
    """The commit before the first benchmark: each benchmark writes README, which makes the checkout dirty."""
    return git_commit()


def machine() -> Machine:
    """Describe this machine; takes `LOOK_S` seconds."""
    return Machine(
        cpus=os.cpu_count() or 1,
        memory_bytes=psutil.virtual_memory().total,
        kernel=f"{platform.system()} {platform.release().partition('-')[0]}",
        python=platform.python_version(),
        docker=needs.engine(),
        commit=_commit(),
        load_1min=round(psutil.getloadavg()[0], 2),
        cpu_percent=psutil.cpu_percent(LOOK_S),
    )
