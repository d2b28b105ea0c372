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
  python lab.py report latest --open                    open the newest result in the browser
  python lab.py report latest --format table            print the table again
  python lab.py report 20261122-120000-a1b2 --format trace
                                                        write a file for Perfetto and chrome://tracing
  python lab.py report latest --format png --output docs/timelines.png
                                                        write a picture of the timelines
  python lab.py report latest --format csv > requests.csv
                                                        print one row per request, for a data frame

html, trace and png write a file beside the result (report.html, trace.json, timeline.png). The other formats print to
standard output. png needs a browser on PATH, such as chromium or google-chrome. A load has no timeline: its formats are
table, json, csv (one row per load) and markdown.
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
        help=f"{', '.join(names)} (default: html; for a load: table)",
    )
    command.add_argument("--open", action="store_true", help="open the html in the browser")
    command.add_argument(
        "--output", type=Path, default=None, metavar="PATH", help="write to PATH; an existing file is replaced"
    )
