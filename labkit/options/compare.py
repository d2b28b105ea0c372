"""The options of `lab.py compare`."""

from __future__ import annotations

from typing import Any

from labkit import scenarios
from labkit.model import WORKER_CLASSES
from labkit.options.common import add, add_format, add_runtime
from labkit.options.values import choices, integer, integers, number, seconds, seconds_list, texts

EXAMPLES = """\
examples:
  python lab.py compare                                 six approaches, 9 requests, 3 workers, 1 s
  python lab.py compare --workers 1,3,9 --repeat 5      vary the server's workers, five trials each
  python lab.py compare threads asyncio_gather --requests 30 --limit 6
  python lab.py compare all --runtime local --format markdown
  python lab.py compare sync threads thread_pool_robust asyncio_robust --scenario flaky,timeouts
  python lab.py compare sync threads process_pool --scenario cpu --runtime local --python python3.14,python3.14t
"""


def add_compare(commands: Any) -> None:
    command = add(commands, "compare", "Run approaches against the slow server and compare them.", "lab", EXAMPLES)
    command.add_argument("approaches", nargs="*", metavar="NAME", help="approaches, or `all` (default: six of them)")
    grid = command.add_argument_group("the grid", "Several values, with commas, run every combination.")
    grid.add_argument(
        "--scenario",
        type=choices(scenarios.names(), several=True),
        default=(scenarios.DEFAULT,),
        metavar="NAME,…",
        help="what the server does to requests (baseline); `python lab.py scenarios` lists them",
    )
    grid.add_argument(
        "--requests",
        type=integers(1, 10_000),
        default=(),
        metavar="N,…",
        help="requests an approach makes (the scenario's: 9)",
    )
    _server_axes(grid)
    grid.add_argument(
        "--python",
        type=texts,
        default=(),
        metavar="PATH_OR_IMAGE,…",
        help="interpreters (local) or base images (docker) for the approaches (the lab's own)",
    )
    grid.add_argument(
        "--limit",
        type=integers(1, 10_000),
        default=(),
        metavar="N,…",
        help="most requests in flight of an approach with a limit (what the workers serve at once)",
    )
    grid.add_argument(
        "--repeat",
        type=integer(1, 1000),
        default=1,
        metavar="N",
        help="trials of every combination (1); from 2 on with a 95 %% interval",
    )
    grid.add_argument("--seed", type=integer(0, 2**32 - 1), default=1, metavar="N", help="orders the trials (1)")
    grid.add_argument(
        "--handle-ms",
        type=number(0, 10_000, "milliseconds"),
        default=None,
        metavar="MS",
        help="pure-Python work that each body costs the approach (the scenario's: 0)",
    )
    how = command.add_argument_group("how")
    how.add_argument(
        "--trace", action="store_true", help="run each approach once more, to see what its threads and tasks do"
    )
    how.add_argument("--no-baseline", action="store_true", help="leave out the row that Locust makes for comparison")
    add_runtime(how)
    how.add_argument(
        "--trial-timeout",
        type=seconds(0.1, 86_400),
        default=None,
        metavar="S",
        help="end a trial after S seconds (10 s + twice the time one after another takes)",
    )
    add_format(how)


def _server_axes(group: Any) -> None:
    group.add_argument("--workers", type=integers(1, 64), default=(3,), metavar="N,…", help="server workers (3)")
    group.add_argument(
        "--delay",
        type=seconds_list(0.001, 60),
        default=(),
        metavar="S,…",
        help="seconds the server takes for an answer (the scenario's: 1)",
    )
    group.add_argument(
        "--worker-class",
        type=choices(WORKER_CLASSES, several=True),
        default=("sync",),
        metavar="CLASS,…",
        help=f"{', '.join(WORKER_CLASSES)} (sync)",
    )
    group.add_argument(
        "--worker-threads",
        type=integers(1, 256),
        default=(1,),
        metavar="N,…",
        help="threads in each gthread worker (1)",
    )
