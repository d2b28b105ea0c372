"""The environment of a comparison, as its result document records it."""

from __future__ import annotations

import re

from labkit.model import Environment
from labkit.runtime import Runtime
from labkit.system import command
from labkit.system.checkout import ROOT

_PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^ ;\\]+) \\$", re.MULTILINE)


def describe_environment(runtime: Runtime, reason: str, python: str | None) -> Environment:
    """The environment in which `runtime` ran its trials; `python` is the version that the clients reported."""
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
    """The packages that the checkout's lock file installs for the approaches, by name."""
    return locked_packages((ROOT / "requirements" / "image.txt").read_text("utf-8"))


def locked_packages(requirements: str) -> dict[str, str]:
    """The versions of the packages that a lock file installs on every system, by name."""
    return dict(_PIN.findall(requirements))


def git_commit() -> str | None:
    """The checkout's commit, with ``-dirty`` if files differ from it; None without git."""
    if not (ROOT / ".git").exists():  # otherwise git would report the commit of a surrounding repository
        return None
    describe = ("git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    return command.run(*describe, cwd=ROOT).output or None
