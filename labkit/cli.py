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
from pathlib import Path

from labkit.model.errors import Interrupted, LabError, MachineError, UsageError
from labkit.options import parser
from labkit.setup import bootstrap
from labkit.system.interrupts import interrupt


def main(arguments: Sequence[str]) -> int:
    """Run lab.py with `arguments`; returns its exit code."""
    for number in filter(None, (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", None))):
        if signal.getsignal(number) != signal.SIG_IGN:  # as `nohup` has it
            signal.signal(number, interrupt)
    if sys.stdout is None:  # closed by whoever called us
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the end
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
    code = bootstrap.ensure(options.requirements, arguments) if options.requirements else None
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
