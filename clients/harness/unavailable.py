"""Why an approach cannot run here: its file is at fault, or this Python has not what it needs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import PurePath
from typing import Any

from clients.harness import catalogue
from clients.harness.protocol import Unavailable

# The packages that the lab's own approaches are written with. Where one is not there, no wheel of it fits the
# interpreter.
PACKAGES = frozenset(
    ("aiohttp", "aiolimiter", "gevent", "httpx", "locust", "pyrate-limiter", "requests", "tenacity", "trio", "urllib3")
)


def why(approach: str, answer: dict[str, Any] | None, how_it_ended: Callable[[], str]) -> Unavailable:
    """What to say of `answer`, which the measured process gave instead of being ready; None: it ended without one."""
    if answer is None:
        ending = f"clients/{approach}.py ended its process while it was imported: {how_it_ended()}"
        return Unavailable(approach, "broken", ending)
    if answer["missing"]:
        with suppress(catalogue.BrokenApproach):
            needed = catalogue.read(approach).requires_python
            if needed is not None and sys.version_info < needed:
                return Unavailable(approach, "needs", f"needs Python {needed[0]}.{needed[1]}")
    if answer["absent"] is not None:
        module, wanted_by = answer["absent"]
        package = module.partition(".")[0].replace("_", "-")
        if package in PACKAGES or "site-packages" in PurePath(wanted_by).parts:  # a library has not what it needs
            return Unavailable(
                approach, "needs", f"needs the package {package}, which is not installed for this Python"
            )
    return Unavailable(approach, "broken", answer["reason"])
