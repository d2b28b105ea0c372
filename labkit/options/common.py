"""Options that several commands share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, NoReturn

from labkit import reports
from labkit.model import WORKER_CLASSES, ServerConfig
from labkit.model.errors import UsageError
from labkit.options.values import RUNTIMES, choices, integer, seconds


class Parser(argparse.ArgumentParser):
    """Raises `UsageError` instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message.removeprefix("argument "), f"`python {self.prog} --help` lists the options.")


def add(commands: Any, name: str, summary: str, requirements: str, epilog: str = "") -> argparse.ArgumentParser:
    """A command's parser. `requirements` names the lock file that it needs installed; "" is the standard library."""
    command: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=summary, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    command.set_defaults(module=name, requirements=requirements)
    return command


def option(group: Any, usage: str, parse: Callable[[str], object], default: object, text: str, **more: Any) -> None:
    """Add an option; `usage` is as in ``--workers N``, and `parse` validates the value."""
    flag, metavar = usage.split()
    group.add_argument(flag, type=parse, default=default, metavar=metavar, help=text, **more)


def add_server(group: Any) -> None:
    """The configuration of the slow server; see `server_config`."""
    option(group, "--workers N", integer(1, 64), 3, "server workers (3)")
    option(group, "--delay S", seconds(0.001, 60), 1.0, "seconds until the server answers (1)")
    option(group, "--worker-class CLASS", choices(WORKER_CLASSES), "sync", f"{', '.join(WORKER_CLASSES)} (sync)")
    option(group, "--worker-threads N", integer(1, 256), 1, "threads per gthread worker (1)")


def server_config(options: argparse.Namespace) -> ServerConfig:
    """The configuration that the options of `add_server` describe. Raises `UsageError` if it is invalid."""
    config = ServerConfig(options.workers, options.worker_class, options.worker_threads, options.delay)
    if config.conflict is not None:
        raise UsageError(
            f"--worker-threads {config.worker_threads} with --worker-class {config.worker_class}: {config.conflict}",
            "Add --worker-class gthread.",
        )
    return config


def add_runtime(group: Any) -> None:
    text = "docker, local (processes on this machine), or auto: docker if it is available (auto)"
    option(group, "--runtime RUNTIME", choices(RUNTIMES), "auto", text)


def add_format(group: Any) -> None:
    names, default = reports.names(), reports.DEFAULT
    option(group, "--format FORMAT", choices(names), default, f"{', '.join(names)} ({default})")
