"""What all tests share."""

from __future__ import annotations

import gc
import os
import warnings
from functools import cache

import pytest
from hypothesis import settings

from labkit.model.errors import MachineError
from tests.browsers import CHROMIUMS, chromium

# Whoever runs the lab's tests gets the same ones every time, and however slow the machine is.
settings.register_profile("lab", deadline=None, derandomize=True)
settings.load_profile("lab")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test for which something is missing here, unless LAB_REQUIRE_… says that it must be there."""
    for marker, lacks in (("docker", _lacks_docker), ("browser", _lacks_browser)):
        required = os.environ.get(f"LAB_REQUIRE_{marker.upper()}") == "1"
        if item.get_closest_marker(marker) and not required and (reason := lacks()):
            pytest.skip(reason)


@cache
def _lacks_docker() -> str | None:
    """Why docker tests cannot run here; None where they can."""
    from labkit.runtime import compose  # noqa: PLC0415 - most test runs need neither
    from labkit.runtime.engine import Engine  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the SDK leaves its socket to the garbage collector
        try:
            Engine()
            compose.version()
        except MachineError as error:
            return error.message
        finally:
            gc.collect()
    return None


def _lacks_browser() -> str | None:
    """Why browser tests cannot run here; None where they can."""
    return None if chromium() else f"none of {', '.join(CHROMIUMS)} is on PATH"
