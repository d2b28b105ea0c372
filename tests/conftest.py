"""What all tests share."""

from __future__ import annotations

import gc
import os
import warnings
from functools import cache

import pytest
from hypothesis import settings

from labkit.errors import MachineError

# Whoever runs the lab's tests gets the same ones every time, and however slow the machine is.
settings.register_profile("lab", deadline=None, derandomize=True)
settings.load_profile("lab")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a docker test where no engine answers, unless LAB_REQUIRE_DOCKER=1: there it runs, and fails."""
    if item.get_closest_marker("docker") and os.environ.get("LAB_REQUIRE_DOCKER") != "1" and (lacks := _lacks_docker()):
        pytest.skip(lacks)


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
