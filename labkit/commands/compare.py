"""``lab.py compare``: options → plan → run → analysis → results → report."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import fields, replace

from labkit import reports, scenarios
from labkit.analysis.analyse import analyse
from labkit.model import Comparison
from labkit.output.page import page, show
from labkit.plan.grid import Grid, adapt_plan, make_plan
from labkit.plan.selection import select
from labkit.reports import html
from labkit.reports.content.comparison import ComparisonReport
from labkit.results.document import document
from labkit.run.scheduler import run_plan
from labkit.run.session import Session, open_session


def run(options: Namespace) -> int:
    """Compare approaches; 0 when every trial ran and every check held, 1 otherwise."""
    approaches = select(options.approaches, baseline=not options.no_baseline)
    plan = make_plan(approaches, _grid(options), options.seed)  # bad usage ends here, before anything starts
    with open_session(options.arguments) as session:
        session.progress.show(plan)
        runtime = session.start(options.runtime)
        comparison = run_plan(adapt_plan(plan, approaches, runtime.cpus), session)
    return report(comparison, session, options.format)


def report(comparison: Comparison, session: Session, name: str) -> int:
    """Save and print the comparison; its exit code. Raises the failure or interruption that stopped it."""
    analysis = analyse(comparison)
    saved = session.save(document(analysis), html.render(analysis))
    comparison = replace(comparison, notices=tuple(dict.fromkeys([*comparison.notices, *session.notices])))
    analysis = replace(analysis, comparison=comparison)
    show(reports.render(ComparisonReport(analysis), name, page(sys.stdout, saved=saved)))
    if session.stopped is not None:
        raise session.stopped
    agreed = all(agreement.ok for agreement in analysis.agreements)
    return 0 if comparison.complete and agreed and session.saved else 1


def _grid(options: Namespace) -> Grid:
    """Each axis is the option with its name."""
    axes = {axis.name: getattr(options, axis.name) for axis in fields(Grid)}
    return Grid(**axes | {"scenarios": {name: scenarios.load(name) for name in options.scenarios}})
