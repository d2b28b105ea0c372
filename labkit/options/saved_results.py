"""The options of `lab.py rerun`, `lab.py diff` and `lab.py history`: results that are there already."""

from __future__ import annotations

from typing import Any

from labkit import diffs, reports
from labkit.options.common import add, add_format
from labkit.options.values import choices, number

RESULT = "a results folder, a result.json, the name of a folder in results/, or latest"
FORMATS_OF_HISTORY = ("json", "table")

RERUN = """\
examples:
  python lab.py rerun latest                            the newest comparison once more
  python lab.py rerun 20261122-120000-a1b2 --anyway     though the machine or the code is another one

The same trials in the same order with the same seed. Where runtime, Python, packages, images, processors or git commit
are not those of the result, nothing is run and the differences are named (exit code 3). A load or the trace of a script
cannot be run again (2).
"""
DIFF = """\
examples:
  python lab.py diff 20261122-120000-a1b2 latest        what is B slower at, and what changed around it?
  python lab.py diff before/ after/ --least 2           differences from 2 % on
  python lab.py diff results/*                          thirty machines: a row each
  python lab.py diff results/* --format csv > all.csv

A difference is told where even the nearer end of its interval, allowing for how many rows there are, is larger than
--least; two runs never meet quite the same machine. Fewer than 4 trials of each tell nothing: compare with --repeat.
"""
HISTORY = """\
examples:
  python lab.py history                                 what has been measured here, the newest first
  python lab.py history --format json
"""


def add_repeat(commands: Any) -> None:
    rerun = add(commands, "rerun", "Run a saved comparison again, as it was.", "lab", RERUN)
    rerun.add_argument("result", metavar="RESULT", help=RESULT)
    rerun.add_argument("--anyway", action="store_true", help="go on where something differs, and record what")
    add_format(rerun, reports.names(), reports.DEFAULT)
    diff = add(commands, "diff", "Compare saved comparisons with each other; nothing is run.", "lab", DIFF)
    diff.add_argument("results", nargs="+", metavar="RESULT", help=RESULT)
    diff.add_argument(
        "--least",
        type=number(0, 1000, "percent"),
        default=diffs.LEAST_PERCENT,
        metavar="P",
        help=f"the smallest difference that matters, in percent ({diffs.LEAST_PERCENT:g})",
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
