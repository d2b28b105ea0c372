"""``lab.py doctor``: what this machine lacks, and how exactly it can measure."""

from __future__ import annotations

import sys
from argparse import Namespace

from labkit.doctor import reports
from labkit.doctor.examination import examine
from labkit.doctor.machine import Machine
from labkit.model.errors import MachineError
from labkit.output.page import page, show
from labkit.output.plain import can_redraw


def run(options: Namespace) -> int:
    """Examine the machine and print it; 0, or 3 when something needed is missing."""
    machine = Machine.here()
    if can_redraw(sys.stderr, machine.environ):
        print("lab.py: looking around, and measuring for two seconds", file=sys.stderr, flush=True)
    examination = examine(machine)
    show(reports.load(options.format).render(examination, page(sys.stdout)))
    return 0 if examination.ready else MachineError.exit_code
