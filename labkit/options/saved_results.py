"""The options of `lab.py rerun`, `lab.py diff` and `lab.py history`, which read saved results."""

from __future__ import annotations

from typing import Any

from labkit import diffs, reports
from labkit.options.common import add, add_format
from labkit.options.values import choices, number

RESULT = "a results folder, a result.json, the name of a folder in results/, or latest"
FORMATS_OF_HISTORY = ("json", "table")

RERUN = """\
examples:
  python lab.py rerun latest                            the newest comparison again
  python lab.py rerun 20261122-120000-a1b2 --anyway     even if the machine or the code has changed

Runs the same trials in the same order with the same seed. If the runtime, Python, packages, images, processors or git
commit differ from the saved ones, prints the differences and runs nothing (exit code 3). Load tests and traces of
scripts cannot be run again (2).
"""
DIFF = """\
examples:
  python lab.py diff 20261122-120000-a1b2 latest        where B is slower, and what changed in its environment
  python lab.py diff before/ after/ --least 2           differences of 2 % or more
  python lab.py diff results/*                          thirty machines, one row each
  python lab.py diff results/* --format csv > all.csv

Reports a difference if its whole confidence interval, corrected for the number of rows, is larger than --least: the
conditions of two runs are never identical. Needs at least 4 trials of each: compare with --repeat.
"""
HISTORY = """\
examples:
  python lab.py history                                 all saved results, the newest first
  python lab.py history --format json
"""


def add_repeat(commands: Any) -> None:
    rerun = add(commands, "rerun", "Run a saved comparison again.", "lab", RERUN)
    rerun.add_argument("result", metavar="RESULT", help=RESULT)
    rerun.add_argument(
        "--anyway", action="store_true", help="run even if something differs, and record the differences"
    )
    add_format(rerun, reports.names(), reports.DEFAULT)
    diff = add(commands, "diff", "Compare saved comparisons with each other, without running anything.", "lab", DIFF)
    diff.add_argument("results", nargs="+", metavar="RESULT", help=RESULT)
    diff.add_argument(
        "--least",
        type=number(0, 1000, "percent"),
        default=diffs.LEAST_PERCENT,
        metavar="P",
        help=f"the smallest relevant difference, in percent ({diffs.LEAST_PERCENT:g})",
    )
    diff.add_argument(
        "--format",
        type=choices(diffs.names()),
        default=reports.DEFAULT,
        metavar="FORMAT",
        help=f"{', '.join(diffs.names())} ({reports.DEFAULT})",
    )
    history = add(commands, "history", "List the saved results, the newest first.", "lab", HISTORY)
    add_format(history, FORMATS_OF_HISTORY, reports.DEFAULT)
