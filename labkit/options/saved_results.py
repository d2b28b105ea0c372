"""Options of the commands on saved results: `lab.py rerun`, `lab.py diff` and `lab.py history`."""

from __future__ import annotations

from typing import Any

from labkit.options.common import add, add_format, option
from labkit.options.values import number

RESULT = "a results folder, a result.json, the name of a folder in results/, or latest"
# Two runs of the same comparison differ by about this much: other programs, clock and caches of the machine vary.
# benchmarks/no_difference.py measures it.
LEAST_PERCENT = 5.0

RERUN = """\
examples:
  python lab.py rerun latest                            the newest comparison once more
  python lab.py rerun 20261122-120000-a1b2 --anyway     even if the machine or the code has changed

Runs the same trials in the same order with the same seed. If runtime, Python, packages, images, processors or git
commit differ from those of the result, rerun names the differences and runs nothing (exit code 3). It cannot run a load
or the trace of a script again (2).
"""
DIFF = """\
examples:
  python lab.py diff 20261122-120000-a1b2 latest        where B is slower, and what changed in the environment
  python lab.py diff before/ after/ --least 2           report differences of more than 2 %
  python lab.py diff results/*                          thirty machines, one row each
  python lab.py diff results/* --format csv > all.csv

diff reports a difference if its whole interval, corrected for the number of rows, lies beyond --least: two runs on the
same machine always differ a little. Verdicts need at least 4 trials per approach: compare with --repeat.
"""
HISTORY = """\
examples:
  python lab.py history                                 all results of this checkout, the newest first
  python lab.py history --format json
"""


def add_repeat(commands: Any) -> None:
    rerun = add(commands, "rerun", "Run a saved comparison again.", "lab", RERUN)
    rerun.add_argument("result", metavar="RESULT", help=RESULT)
    rerun.add_argument("--anyway", action="store_true", help="run in spite of differences, and record them")
    add_format(rerun)
    diff = add(commands, "diff", "Compare saved comparisons with each other, without running anything.", "lab", DIFF)
    diff.add_argument("results", nargs="+", metavar="RESULT", help=RESULT)
    text = f"the smallest difference that matters, in percent ({LEAST_PERCENT:g})"
    option(diff, "--least P", number(0, 1000, "percent"), LEAST_PERCENT, text)
    add_format(diff)
    history = add(commands, "history", "List the saved results, the newest first.", "lab", HISTORY)
    add_format(history)
