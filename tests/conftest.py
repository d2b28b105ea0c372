"""Hooks and fixtures of all tests: which tests run here, and that none of them leaves anything behind."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

from labkit.model.errors import MachineError
from tests import leftovers
from tests.browsers import CHROMIUMS, chromium

# The same examples in every run, and no deadline on a slow machine.
settings.register_profile("all", deadline=None, derandomize=True)
settings.register_profile("quick", settings.get_profile("all"), max_examples=20)


GOLDEN = Path(__file__).with_name("golden")
UPDATE = "`python lab.py test tests/unit/test_reports.py --update-golden` accepts the change"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files instead of comparing")
    parser.addoption("--quick", action="store_true", help="skip tests that are marked `slow`, and try fewer examples")


def pytest_configure(config: pytest.Config) -> None:
    """Give the programs that tests start a folder for what they leave, and SIGINT as a terminal gives it."""
    settings.load_profile("quick" if config.getoption("quick") else "all")
    leftovers.make_folder(getattr(config, "workerinput", {}).get("workerid", ""))
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as a shell starts background jobs
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the leftovers of a session that was interrupted or killed, the workers' ones included."""
    if hasattr(config, "workerinput"):
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    root = leftovers.folder()
    leftovers.remove(root)
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="module", autouse=True)
def _nothing_is_left() -> Iterator[None]:
    """Fail if a process, a container or a network of this module's tests is left; remove it first."""
    yield
    root = leftovers.folder()
    if left := leftovers.remaining(root):
        leftovers.remove(root)
    assert left == []


@pytest.fixture
def golden(pytestconfig: pytest.Config) -> Callable[[str, str], None]:
    """Compare a text with the golden file of that name, or write the file with --update-golden."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if pytestconfig.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text}\n", encoding="utf-8", newline="\n")
        assert f"{text}\n" == path.read_text("utf-8"), UPDATE

    return check


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a slow test if `--quick` is set, and a test for which a program is missing unless LAB_REQUIRE_… names it."""
    if item.get_closest_marker("slow") and item.config.getoption("--quick"):
        pytest.skip("slow: `python lab.py test --all` runs it")
    for marker, lacks in (("docker", _lacks_docker), ("browser", _lacks_browser)):
        required = os.environ.get(f"LAB_REQUIRE_{marker.upper()}") == "1"
        if item.get_closest_marker(marker) and not required and (reason := lacks()):
            pytest.skip(reason)


@cache
def _lacks_docker() -> str | None:
    """The reason why docker tests cannot run here; None where they can."""
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
    """The reason why browser tests cannot run here; None where they can."""
    return None if chromium() else f"none of {', '.join(CHROMIUMS)} is on PATH"
