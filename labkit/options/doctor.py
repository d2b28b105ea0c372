"""The options of `lab.py doctor`."""

from __future__ import annotations

from typing import Any

from labkit.doctor import reports
from labkit.options.common import add, add_format
from labkit.reports import DEFAULT

EXAMPLES = """\
examples:
  python lab.py doctor
  python lab.py doctor --format json > machine.json     for the instructor, who has thirty of them

It needs nothing installed, and changes nothing. Each line is ok, warning or failed, with what was seen and what mends
it. The exit code is 3 when something failed: without it the lab does not run here. The last two seconds measure how
much this machine disturbs what it measures.
"""


def add_doctor(commands: Any) -> None:
    command = add(commands, "doctor", "Tell what this machine lacks, and how exactly it can measure.", "", EXAMPLES)
    add_format(command, reports.names(), DEFAULT)
