"""The command line: parse, have the packages there, run the command, and put failures into words.

Standard library only, until a command needs more: help and usage errors come at once and without any set-up.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

from labkit import reports
from labkit.errors import Interrupted, LabError, MachineError, UsageError
from labkit.model import WORKER_CLASSES
from labkit.options import RUNTIMES, choices, integer, integers, seconds, seconds_list
from labkit.setup import bootstrap

EXAMPLES = """\
examples:
  python lab.py compare                                 six approaches, 9 requests, 3 workers, 1 s
  python lab.py compare --workers 1,3,9 --repeat 5      vary the server's workers, five trials each
  python lab.py compare threads asyncio_gather --requests 30 --limit 6
  python lab.py compare all --runtime local --format markdown
  python lab.py approaches                              what can be compared
  python lab.py up --workers 3                          just the slow server, on http://127.0.0.1:8000
  python lab.py test                                    the lab's own tests
"""


class Parser(argparse.ArgumentParser):
    """Raises `UsageError` instead of ending the process deep inside."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message.removeprefix("argument "), f"`python {self.prog} --help` shows what there is.")


def main(arguments: Sequence[str]) -> int:
    """Run lab.py with `arguments`; returns its exit code."""
    for number in filter(None, (signal.SIGTERM, getattr(signal, "SIGHUP", None))):
        if signal.getsignal(number) != signal.SIG_IGN:  # as `nohup` has it
            signal.signal(number, _interrupt)
    try:
        return _run(arguments)
    except SystemExit as done:  # --help
        return int(done.code or 0)
    except BrokenPipeError:  # whoever read our output has gone, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except KeyboardInterrupt:
        error: LabError = Interrupted("interrupted")
    except LabError as caught:
        error = caught
    except OSError as caught:  # a full or read-only disk, most likely
        where = f" ({caught.filename})" if caught.filename else ""
        error = MachineError(f"{caught.strerror or caught}{where}")
    return _explain(error)


def _run(arguments: Sequence[str]) -> int:
    options = _parse(arguments)
    code = bootstrap.ensure(options.requirements, arguments)
    if code is None:
        options.arguments = tuple(arguments)
        code = int(import_module(f"labkit.commands.{options.module}").run(options))
        sys.stdout.flush()  # while a full disk can still be told
    return code


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    options, rest = parser().parse_known_args(arguments)
    if rest and options.module != "test":
        together = "; name all approaches together" if options.module == "compare" else ""
        raise UsageError(f"not understood: {' '.join(rest)}{together}", "`python lab.py --help` shows what there is.")
    options.rest = rest
    return options


def _explain(error: LabError) -> int:
    print(f"lab.py: {error.message}", file=sys.stderr)
    for line in (*error.lines, *error.hint.splitlines()):
        print(f"  {line}", file=sys.stderr)
    return error.exit_code


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    root = Parser(
        prog="lab.py",
        description="A lab for concurrency in Python: many ways to call a slow web API, measured and compared.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = root.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
    _compare(commands)
    _approaches(commands)
    _up_and_down(commands)
    _clean(commands)
    _test(commands)
    return root


def _add(commands: Any, name: str, summary: str, requirements: str, epilog: str = "") -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=summary, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    command.set_defaults(module=name, requirements=requirements)
    return command


def _compare(commands: Any) -> None:
    command = _add(commands, "compare", "Run approaches against the slow server and compare them.", "lab", EXAMPLES)
    command.add_argument("approaches", nargs="*", metavar="NAME", help="approaches, or `all` (default: six of them)")
    grid = command.add_argument_group("the grid", "Several values, with commas, run every combination.")
    grid.add_argument(
        "--requests", type=integers(1, 10_000), default=(9,), metavar="N,…", help="requests an approach makes (9)"
    )
    _server_axes(grid)
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
    how = command.add_argument_group("how")
    how.add_argument("--no-baseline", action="store_true", help="leave out the row that Locust makes for comparison")
    _runtime(how)
    how.add_argument(
        "--trial-timeout",
        type=seconds(0.1, 86_400),
        default=None,
        metavar="S",
        help="end a trial after S seconds (10 s + twice the time one after another takes)",
    )
    how.add_argument(
        "--format",
        type=choices(reports.names()),
        default=reports.DEFAULT,
        metavar="FORMAT",
        help=f"{', '.join(reports.names())} ({reports.DEFAULT})",
    )


def _server_axes(group: Any) -> None:
    group.add_argument("--workers", type=integers(1, 64), default=(3,), metavar="N,…", help="server workers (3)")
    group.add_argument(
        "--delay",
        type=seconds_list(0.001, 60),
        default=(1.0,),
        metavar="S,…",
        help="seconds the server takes for an answer (1)",
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


def _runtime(group: Any) -> None:
    group.add_argument(
        "--runtime",
        type=choices(RUNTIMES),
        default="auto",
        metavar="RUNTIME",
        help="docker, local (processes on this machine), or auto: docker where it works (auto)",
    )


def _approaches(commands: Any) -> None:
    _add(commands, "approaches", "List the approaches and whether they can run here.", "lab")


def _up_and_down(commands: Any) -> None:
    up = _add(
        commands,
        "up",
        "Start the slow server for clients of your own, on 127.0.0.1.",
        "lab",
        "example:\n  python lab.py up --workers 3 --delay 1\n  curl http://127.0.0.1:8000/hello",
    )
    up.add_argument("--port", type=integer(1, 65_535), default=8000, metavar="N", help="port on 127.0.0.1 (8000)")
    up.add_argument("--workers", type=integer(1, 64), default=3, metavar="N", help="server workers (3)")
    up.add_argument("--delay", type=seconds(0.001, 60), default=1.0, metavar="S", help="seconds for an answer (1)")
    up.add_argument(
        "--worker-class",
        type=choices(WORKER_CLASSES),
        default="sync",
        metavar="CLASS",
        help=f"{', '.join(WORKER_CLASSES)} (sync)",
    )
    up.add_argument(
        "--worker-threads", type=integer(1, 256), default=1, metavar="N", help="threads in each gthread worker (1)"
    )
    _runtime(up)
    _add(commands, "down", "Stop the server that `up` started.", "lab")


def _clean(commands: Any) -> None:
    _add(
        commands,
        "clean",
        "Remove what this lab left behind, and a server from `up`; results stay.",
        "lab",
        "Containers, networks, files of comparisons that were killed, and images of earlier states of the checkout.\n"
        "What a comparison uses that runs now stays, and so does everything that is not this lab's.",
    )


def _test(commands: Any) -> None:
    _add(
        commands,
        "test",
        "Run the lab's own tests with pytest; its options may follow.",
        "test",
        "examples:\n  python lab.py test\n  python lab.py test tests/unit -k checks",
    )
