"""Options that several commands share."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from labkit import reports
from labkit.model import WORKER_CLASSES
from labkit.model.errors import UsageError
from labkit.options.values import RUNTIMES, choices, integer, seconds


class Parser(argparse.ArgumentParser):
    """Raises `UsageError` instead of ending the process deep inside."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message.removeprefix("argument "), f"`python {self.prog} --help` shows what there is.")


def add(commands: Any, name: str, summary: str, requirements: str, epilog: str = "") -> argparse.ArgumentParser:
    """A command's parser; `requirements` names the lock file that it needs installed, "" is the standard library."""
    command: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=summary, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    command.set_defaults(module=name, requirements=requirements)
    return command


def add_server(group: Any) -> None:
    """One configuration of the slow server."""
    group.add_argument("--workers", type=integer(1, 64), default=3, metavar="N", help="server workers (3)")
    group.add_argument("--delay", type=seconds(0.001, 60), default=1.0, metavar="S", help="seconds for an answer (1)")
    group.add_argument(
        "--worker-class",
        type=choices(WORKER_CLASSES),
        default="sync",
        metavar="CLASS",
        help=f"{', '.join(WORKER_CLASSES)} (sync)",
    )
    group.add_argument(
        "--worker-threads", type=integer(1, 256), default=1, metavar="N", help="threads in each gthread worker (1)"
    )


def add_runtime(group: Any) -> None:
    group.add_argument(
        "--runtime",
        type=choices(RUNTIMES),
        default="auto",
        metavar="RUNTIME",
        help="docker, local (processes on this machine), or auto: docker where it works (auto)",
    )


def add_format(group: Any) -> None:
    names = reports.names()
    group.add_argument(
        "--format",
        type=choices(names),
        default=reports.DEFAULT,
        metavar="FORMAT",
        help=f"{', '.join(names)} ({reports.DEFAULT})",
    )
