"""The options of the small commands."""

from __future__ import annotations

from typing import Any

from labkit.options.common import add, add_runtime, add_server
from labkit.options.values import integer


def add_approaches(commands: Any) -> None:
    add(commands, "approaches", "List the approaches and whether they can run here.", "lab")


def add_scenarios(commands: Any) -> None:
    add(
        commands,
        "scenarios",
        "List the scenarios: what the server does to requests.",
        "lab",
        "examples:\n"
        "  python lab.py scenarios\n"
        "  python lab.py compare --scenario flaky sync threads asyncio_robust\n"
        "  python lab.py compare --scenario timeouts,rate-limit all",
    )


def add_up_and_down(commands: Any) -> None:
    up = add(
        commands,
        "up",
        "Start the slow server for clients of your own, on 127.0.0.1.",
        "lab",
        "example:\n  python lab.py up --workers 3 --delay 1\n  curl http://127.0.0.1:8000/hello",
    )
    up.add_argument("--port", type=integer(1, 65_535), default=8000, metavar="N", help="port on 127.0.0.1 (8000)")
    add_server(up)
    add_runtime(up)
    add(commands, "down", "Stop the server that `up` started.", "lab")


def add_clean(commands: Any) -> None:
    add(
        commands,
        "clean",
        "Remove what this lab left behind, and a server from `up`; results stay.",
        "lab",
        "Containers, networks, files of comparisons that were killed, and images of earlier states of the checkout.\n"
        "What a comparison uses that runs now stays, and so does everything that is not this lab's.",
    )


def add_test(commands: Any) -> None:
    test = add(
        commands,
        "test",
        "Run the lab's own tests: the quick ones, all of them, or those that pytest's arguments name.",
        "test",
        "examples:\n"
        "  python lab.py test                        the quick tests: a few minutes\n"
        "  python lab.py test --all                  every test, as CI runs them\n"
        "  python lab.py test tests/unit -k checks   pytest with these arguments, and nothing left out\n\n"
        "Tests that need a Docker engine or Chromium are skipped without one, with the reason at the end. With\n"
        "LAB_REQUIRE_DOCKER=1 or LAB_REQUIRE_BROWSER=1 they fail instead.",
    )
    test.add_argument("--all", action="store_true", help="run the slow tests too; pytest's arguments may follow")
