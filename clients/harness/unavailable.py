"""The reason why an approach cannot run here: an error in its file, or a Python that lacks a requirement."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import PurePath
from typing import Any

from clients.harness import catalogue
from clients.harness.protocol import Unavailable

# The packages that the lab's approaches use. The lab installs them all, so a missing one has no wheel for this Python.
PACKAGES = frozenset(
    ("aiohttp", "aiolimiter", "gevent", "httpx", "locust", "pyrate-limiter", "requests", "tenacity", "trio", "urllib3")
)


def explain(approach: str, reply: dict[str, Any] | None, describe_exit: Callable[[], str]) -> Unavailable:
    """Explain the measured process's `reply`; None means that the process ended without one."""
    if reply is None:
        reason = f"clients/{approach}.py ended its process while it was imported: {describe_exit()}"
        return Unavailable(approach, "broken", reason)
    if reply["import_error"]:
        with suppress(catalogue.BrokenApproach):
            needed = catalogue.read(approach).requires_python
            if needed is not None and sys.version_info < needed:
                return Unavailable(approach, "needs", f"needs Python {needed[0]}.{needed[1]}")
    if reply["missing_module"] is not None:
        module, importer = reply["missing_module"]
        package = module.partition(".")[0].replace("_", "-")
        if package in PACKAGES or "site-packages" in PurePath(importer).parts:  # a library lacks a dependency
            return Unavailable(
                approach, "needs", f"needs the package {package}, which is not installed for this Python"
            )
    return Unavailable(approach, "broken", reply["reason"])
