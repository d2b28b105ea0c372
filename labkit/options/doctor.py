"""Options of `lab.py doctor`."""

from __future__ import annotations

from typing import Any

from labkit.options.common import add, add_format

EXAMPLES = """\
examples:
  python lab.py doctor
  python lab.py doctor --format json > machine.json     for an instructor with thirty machines

The doctor needs no installed packages and changes nothing. Each finding is ok, warning or failed, with an observation
and a remedy. The exit code is 3 if a finding is failed: the lab cannot run here then. The last two seconds measure how
much this machine disturbs measurements.
"""


def add_doctor(commands: Any) -> None:
    command = add(
        commands,
        "doctor",
        "Examine this machine: what is missing, and how accurately it measures.",
        "",
        EXAMPLES,
    )
    add_format(command)
