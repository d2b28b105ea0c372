"""``lab.py history``: the saved results, the newest first."""

from __future__ import annotations

import sys
from argparse import Namespace

from labkit import reports
from labkit.output.page import page, show
from labkit.reports.content.history import HistoryReport
from labkit.results.history import list_results
from labkit.system import checkout, runs


def run(options: Namespace) -> int:
    """List the results, damaged ones included; return 0."""
    folder = checkout.ROOT / "results"
    report = HistoryReport(tuple(list_results(folder, runs.is_running)), folder)
    show(reports.render(report, options.format, page(sys.stdout)))
    return 0
