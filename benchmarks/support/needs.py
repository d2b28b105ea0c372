"""Requirements of the benchmarks on the machine, with the reason to print where one is missing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec

from labkit.system import browser, command

NO_ENGINE = "no Docker engine answers: the docker figures are not measured"


@cache
def engine() -> str | None:
    """The version of the Docker engine; None if no engine with Compose answers."""
    version = command.run("docker", "version", "--format", "{{.Server.Version}}")
    compose = command.run("docker", "compose", "version")
    return version.output.strip() if (version.code, compose.code) == (0, 0) else None


def _without_linux() -> str | None:
    return None if sys.platform == "linux" else "it reads /proc, which only Linux has"


def _without_chromium() -> str | None:
    if find_spec("playwright") is None:
        return "playwright is not installed; `python lab.py test` installs it"
    return None if browser.find() else f"none of {', '.join(browser.NAMES)} is on PATH"


# For each need the function that returns the reason why it is not met, or None.
NEEDS: dict[str, Callable[[], str | None]] = {"Linux": _without_linux, "Chromium": _without_chromium}


def missing(needs: tuple[str, ...]) -> str | None:
    """The reason why a benchmark with these needs cannot run here; None if it can."""
    return next((reason for need in needs if (reason := NEEDS[need]())), None)


def runtimes(wanted: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The runtimes of `wanted` that are available, and a note for a missing Docker engine."""
    if "docker" in wanted and engine() is None:
        return tuple(runtime for runtime in wanted if runtime != "docker"), (NO_ENGINE,)
    return wanted, ()
