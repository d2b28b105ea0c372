"""``lab.py doctor``: the state of this machine and the accuracy of its measurements."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import replace

from labkit import reports
from labkit.doctor.examination import examine
from labkit.doctor.machine import Machine
from labkit.model.errors import MachineError
from labkit.output.page import page, show
from labkit.output.progress import can_redraw
from labkit.reports.content.doctor import DoctorReport
from labkit.system.notes import note

# Findings are long texts, which are hard to read in wider lines.
WIDTH, WIDEST = 80, 100


def run(options: Namespace) -> int:
    """Examine the machine and print the findings; return 0, or 3 if something that the lab needs is missing."""
    machine = Machine.here()
    if can_redraw(sys.stderr, machine.environ):
        note("examining the machine, with two seconds of measurements")
    examination = examine(machine)
    paper = page(sys.stdout)
    paper = replace(paper, width=min(paper.width or WIDTH, WIDEST))
    show(reports.render(DoctorReport(examination), options.format, paper))
    return 0 if examination.ready else MachineError.exit_code
