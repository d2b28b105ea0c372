"""Run benchmarks: ``.venv/bin/python -m benchmarks --help``."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Sequence

from benchmarks.support import catalogue, readme, runner
from labkit.system import interrupts

EXAMPLES = """\
examples:
  .venv/bin/python -m benchmarks                        every benchmark in full, about an hour
  .venv/bin/python -m benchmarks efficiency whole       two of them
  .venv/bin/python -m benchmarks --smoke                each for a few seconds, to see that it still works
  .venv/bin/python -m benchmarks --list                 names, needs and the duration of the newest full run

A full run saves a dated JSON document in benchmarks/results/ and writes the tables of benchmarks/README.md from it.
It needs a quiet machine. A smoke run judges no bound and leaves README as it is; its documents are in .lab/benchmarks/.

exit codes: 0 every bound holds (smoke: every benchmark ran), 1 a bound is missed or a benchmark failed,
2 bad usage, 130 interrupted
"""


def main(arguments: Sequence[str]) -> int:
    """Run the benchmarks that `arguments` name; returns the exit code."""
    options = _parser().parse_args(arguments)
    names = options.names or catalogue.names()
    if options.list:
        print("\n".join(map(runner.describe, names)))
        return 0
    if options.render:
        readme.write()
        return 0
    interrupts.install()
    try:
        return runner.run(names, smoke=options.smoke)
    except KeyboardInterrupt:
        print("benchmarks: interrupted; finished benchmarks are saved", file=sys.stderr)
        return 130


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m benchmarks",
        description="Measure how fast and how accurate the lab is.",
        epilog=EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", type=_name, metavar="NAME", help="benchmarks to run (all)")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--smoke", action="store_true", help="run each with small numbers and judge no bound")
    how.add_argument("--list", action="store_true", help="list the benchmarks and exit")
    how.add_argument("--render", action="store_true", help="write README's tables from the saved results and exit")
    return parser


def _name(text: str) -> str:
    if text not in catalogue.names():
        raise ArgumentTypeError(f"no benchmark is called {text!r}; choose from {', '.join(catalogue.names())}")
    return text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
