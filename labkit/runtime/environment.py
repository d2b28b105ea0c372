"""The environment that a comparison ran in, for its document."""

from __future__ import annotations

import re
import subprocess

from labkit.model import Environment
from labkit.runtime import Runtime
from labkit.system.checkout import ROOT

_PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^ ;\\]+) \\$", re.MULTILINE)


def environment(runtime: Runtime, reason: str, python: str | None) -> Environment:
    """Where `runtime` ran its trials, with the interpreter that the clients told."""
    return Environment(
        runtime=runtime.name,
        runtime_reason=reason,
        python=python,
        docker=runtime.docker,
        compose=runtime.compose,
        cpus=runtime.cpus,
        memory_bytes=runtime.memory_bytes,
        kernel=runtime.kernel,
        images=runtime.images,
        packages=packages(),
        git_commit=git_commit(),
    )


def packages() -> dict[str, str]:
    """What the checkout's lock file installs for the approaches."""
    return locked_packages((ROOT / "requirements" / "image.txt").read_text("utf-8"))


def locked_packages(requirements: str) -> dict[str, str]:
    """Name to version of what a lock file installs everywhere; both runtimes install nothing else, by hash."""
    return dict(_PIN.findall(requirements))


def git_commit() -> str | None:
    """The checkout's commit, with ``-dirty`` where files differ from it; None without git."""
    if not (ROOT / ".git").exists():  # a commit of whatever is around it would say nothing
        return None
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return run.stdout.strip() or None
