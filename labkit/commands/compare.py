"""``lab.py compare``: plan, run, check, report."""

from __future__ import annotations

import os
from argparse import Namespace

from clients.harness import catalogue
from labkit import scenarios
from labkit.model import BASELINE, Plan
from labkit.plan.grid import Grid, make_plan
from labkit.plan.selection import select
from labkit.run import session
from labkit.runtime.choose import choose


def run(options: Namespace) -> int:
    """Run the comparison; returns 0 when every trial ran and every check held, 1 otherwise."""
    approaches = select(options.approaches)
    if not options.no_baseline:
        approaches[BASELINE] = catalogue.read_baseline()

    def plan(cpus: int) -> Plan:
        return make_plan(approaches, _grid(options, cpus), options.seed)

    wanted = session.RunRequest(
        first=plan(os.cpu_count() or 1),
        choose=lambda project, note: choose(options.runtime, project, note),
        plan=lambda runtime: plan(runtime.cpus),  # its processors are not ours
        arguments=options.arguments,
        format=options.format,
    )
    return session.run(wanted)


def _grid(options: Namespace, cpus: int) -> Grid:
    return Grid(
        requests=options.requests,
        workers=options.workers,
        worker_classes=options.worker_class,
        worker_threads=options.worker_threads,
        delays_s=options.delay,
        scenarios={name: scenarios.load(name) for name in options.scenario},
        pythons=options.python or (None,),
        limits=options.limit,
        repeat=options.repeat,
        trial_timeout_s=options.trial_timeout,
        handle_s=None if options.handle_ms is None else options.handle_ms / 1000,
        cpus=cpus,
        trace=options.trace,
    )
