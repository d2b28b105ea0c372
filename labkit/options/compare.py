"""The options of `lab.py compare`. Each axis is called as in `labkit.plan.grid.Grid`."""

from __future__ import annotations

from typing import Any

from labkit import scenarios
from labkit.model import WORKER_CLASSES
from labkit.options.common import add, add_format, add_runtime, option
from labkit.options.values import choices, integer, name, number, seconds, several

EXAMPLES = """\
examples:
  python lab.py compare                                 six approaches, 9 requests, 3 workers, 1 s delay
  python lab.py compare --workers 1,3,9 --repeat 5      vary the server's workers, five trials each
  python lab.py compare threads asyncio_gather --requests 30 --limit 6
  python lab.py compare all --runtime local --format markdown
  python lab.py compare sync threads thread_pool_robust asyncio_robust --scenario flaky,timeouts
  python lab.py compare sync threads process_pool --scenario cpu --runtime local --python python3.14,python3.14t
"""


def add_compare(commands: Any) -> None:
    command = add(commands, "compare", "Run approaches against the slow server and compare them.", "lab", EXAMPLES)
    command.add_argument("approaches", nargs="*", metavar="NAME", help="approaches, or `all` (default: six of them)")
    _add_axes(command.add_argument_group("grid", "An option with several values, separated by commas, is an axis."))
    how = command.add_argument_group("run")
    option(how, "--repeat N", integer(1, 1000), 1, "trials per combination (1); 2 or more give a 95 %% interval")
    option(how, "--seed N", integer(0, 2**32 - 1), 1, "seed of the order of trials and of faults (1)")
    how.add_argument("--trace", action="store_true", help="run each approach once more and record threads and tasks")
    how.add_argument("--no-baseline", action="store_true", help="leave out the baseline, which Locust measures")
    text = "end a trial after S seconds (10 + twice the time of one request after another)"
    option(how, "--trial-timeout S", seconds(0.1, 86_400), None, text, dest="trial_timeout_s")
    add_runtime(how)
    add_format(how)


def _add_axes(grid: Any) -> None:
    text = "server behaviour (baseline); `python lab.py scenarios` lists all"
    names = several(choices(scenarios.names()))
    option(grid, "--scenario NAME,…", names, (scenarios.DEFAULT,), text, dest="scenarios")
    option(grid, "--requests N,…", several(integer(1, 10_000)), (), "requests per trial (the scenario's: 9)")
    option(grid, "--workers N,…", several(integer(1, 64)), (3,), "server workers (3)")
    text = "seconds until the server answers (the scenario's: 1)"
    option(grid, "--delay S,…", several(seconds(0.001, 60)), (), text, dest="delays_s")
    classes, text = several(choices(WORKER_CLASSES)), f"{', '.join(WORKER_CLASSES)} (sync)"
    option(grid, "--worker-class CLASS,…", classes, ("sync",), text, dest="worker_classes")
    option(grid, "--worker-threads N,…", several(integer(1, 256)), (1,), "threads per gthread worker (1)")
    text = "interpreters (local) or base images (docker) of the approaches (the lab's own)"
    option(grid, "--python PATH_OR_IMAGE,…", several(name), (None,), text, dest="pythons")
    text = "most requests in flight of an approach with a limit (the server's slots)"
    option(grid, "--limit N,…", several(integer(1, 10_000)), (), text, dest="limits")
    text = "milliseconds of pure Python to handle each body (the scenario's: 0)"
    option(grid, "--handle-ms MS", _milliseconds, None, text, dest="handle_s")


def _milliseconds(text: str) -> float:
    return number(0, 10_000, "milliseconds")(text) / 1000
