"""The command line: parse it, set up the packages, run the command, and explain errors.

Standard library only, so that help and usage errors need no set-up.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from labkit.model.errors import Interrupted, LabError, MachineError, UsageError
from labkit.options import parser
from labkit.setup import bootstrap
from labkit.system import interrupts


def main(arguments: Sequence[str]) -> int:
    """Run lab.py with `arguments`; returns its exit code."""
    interrupts.install()
    if sys.stdout is None:  # closed by the parent process
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the end
    try:
        return _run(arguments)
    except SystemExit as done:  # --help
        return int(done.code or 0)
    except BrokenPipeError:  # the reader of the output has ended, as in `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except KeyboardInterrupt:
        error: LabError = Interrupted("interrupted")
    except LabError as caught:
        error = caught
    except OSError as caught:  # probably a full or read-only disk
        where = f" ({caught.filename})" if caught.filename else ""
        error = MachineError(f"{caught.strerror or caught}{where}")
    return _explain(error)


def _run(arguments: Sequence[str]) -> int:
    options = _parse(arguments)
    code = bootstrap.ensure(options.requirements, arguments) if options.requirements else None
    if code is None:
        options.arguments = tuple(arguments)
        code = int(import_module(f"labkit.commands.{options.module}").run(options))
        sys.stdout.flush()  # a full disk must raise here, where the error is explained
    return code


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    options, rest = parser().parse_known_args(arguments)
    if rest and options.module != "test":
        together = "; name all approaches together" if options.module == "compare" else ""
        raise UsageError(f"not understood: {' '.join(rest)}{together}", "See `python lab.py --help`.")
    options.rest = rest
    return options


def _explain(error: LabError) -> int:
    print(f"lab.py: {error.message}", file=sys.stderr)
    for line in (*error.lines, *error.hint.splitlines()):
        print(f"  {line}", file=sys.stderr)
    return error.exit_code
