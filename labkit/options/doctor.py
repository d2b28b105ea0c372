"""The options of `lab.py doctor`."""

from __future__ import annotations

from typing import Any

from labkit.doctor import reports
from labkit.options.common import add, add_format
from labkit.reports import DEFAULT

EXAMPLES = """\
examples:
  python lab.py doctor
  python lab.py doctor --format json > machine.json     for an instructor who collects thirty of them

Needs no installed packages, and changes nothing. Each line has a status (ok, warning or failed), a message and, for a
problem, a remedy. The exit code is 3 if the lab cannot run here. The last two seconds measure how much this machine
disturbs measurements.
"""


def add_doctor(commands: Any) -> None:
    command = add(commands, "doctor", "Report what this machine lacks, and how exactly it can measure.", "", EXAMPLES)
    add_format(command, reports.names(), DEFAULT)
