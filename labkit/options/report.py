"""The options of `lab.py report`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labkit import reports
from labkit.options.common import add
from labkit.options.values import choices
from labkit.reports import files

EXAMPLES = """\
examples:
  python lab.py report latest --open                    the newest result in the browser
  python lab.py report latest --format table            the table again
  python lab.py report 20261122-120000-a1b2 --format trace
                                                        a file for Perfetto and chrome://tracing
  python lab.py report results/20261122-120000-a1b2/result.json --format png --output docs/timeline.png
  python lab.py report latest --format csv > requests.csv
                                                        a row per request, for a data frame

html, trace and png are files beside the result (report.html, trace.json, timeline.png); the others go to standard
output. A load, of which the requests are in files of their own, has no timeline: its formats are table, json, csv (a
row per load) and markdown.
"""


def add_report(commands: Any) -> None:
    command = add(commands, "report", "Make a report of a saved result; nothing is run.", "lab", EXAMPLES)
    command.add_argument(
        "result", metavar="RESULT", help="a results folder, a result.json, the name of a folder in results/, or latest"
    )
    names = sorted({*files.names(), *reports.names()})
    command.add_argument(
        "--format",
        type=choices(names),
        default=None,
        metavar="FORMAT",
        help=f"{', '.join(names)} (html; a load: table)",
    )
    command.add_argument("--open", action="store_true", help="show the html in the browser")
    command.add_argument(
        "--output", type=Path, default=None, metavar="PATH", help="write to PATH, which may be there already"
    )
