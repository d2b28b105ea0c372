"""The options of the small commands."""

from __future__ import annotations

from typing import Any

from labkit.options.common import add, add_runtime, add_server, option
from labkit.options.values import integer

APPROACHES = """\
example:
  python lab.py approaches

A new file in clients/ is a new approach.
"""
SCENARIOS = """\
examples:
  python lab.py scenarios
  python lab.py compare --scenario flaky sync threads asyncio_robust
  python lab.py compare --scenario timeouts,rate-limit all
"""
UP = """\
example:
  python lab.py up --workers 3 --delay 1
  curl http://127.0.0.1:8000/hello
"""
DOWN = """\
example:
  python lab.py down
"""
CLEAN = """\
example:
  python lab.py clean

Removes containers, networks, files and processes of killed runs, and images of earlier states of the checkout. Keeps
everything that a running comparison uses, and everything that does not belong to this lab.
"""
TEST = """\
examples:
  python lab.py test                        the quick tests: a few minutes
  python lab.py test --all                  every test, as CI runs them
  python lab.py test tests/unit -k checks   pytest with these arguments, and nothing left out

Tests that need a Docker engine or Chromium are skipped without one, with the reason at the end. With
LAB_REQUIRE_DOCKER=1 or LAB_REQUIRE_BROWSER=1 they fail instead.
"""


def add_approaches(commands: Any) -> None:
    add(commands, "approaches", "List the approaches and whether they can run here.", "lab", APPROACHES)


def add_scenarios(commands: Any) -> None:
    add(commands, "scenarios", "List the scenarios: behaviours of the server.", "lab", SCENARIOS)


def add_up_and_down(commands: Any) -> None:
    up = add(commands, "up", "Start the slow server for your own clients, on 127.0.0.1.", "lab", UP)
    option(up, "--port N", integer(1, 65_535), 8000, "port on 127.0.0.1 (8000)")
    add_server(up)
    add_runtime(up)
    add(commands, "down", "Stop the server that `up` started.", "lab", DOWN)


def add_clean(commands: Any) -> None:
    add(commands, "clean", "Remove leftovers of this lab and the server from `up`; results stay.", "lab", CLEAN)


def add_test(commands: Any) -> None:
    summary = "Run the lab's own tests: the quick ones, all of them, or those that pytest's arguments name."
    test = add(commands, "test", summary, "test", TEST)
    test.add_argument("--all", action="store_true", help="run the slow tests too; pytest's arguments may follow")
