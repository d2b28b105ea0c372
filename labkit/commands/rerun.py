"""``lab.py rerun``: saved comparison → same plan → run → analysis → results → report."""

from __future__ import annotations

import platform
from argparse import Namespace
from dataclasses import replace

from labkit.analysis.environment_diff import Change
from labkit.commands.compare import report
from labkit.model import BASELINE, Comparison
from labkit.model.errors import MachineError
from labkit.plan.grid import adapt_plan
from labkit.plan.selection import select
from labkit.results.locate import locate
from labkit.results.read import read
from labkit.run.rerun import environment_changes, plan_changes, refuse_blocking, require_comparison, rerun_notices
from labkit.run.scheduler import run_plan
from labkit.run.session import Session, open_session
from labkit.runtime import Runtime
from labkit.runtime.environment import describe_environment, git_commit, packages
from labkit.system import checkout


def run(options: Namespace) -> int:
    """Run the comparison again; the exit code of `compare`. Raises `MachineError` if something relevant changed."""
    saved = require_comparison(read(locate(options.result, checkout.ROOT / "results")))
    names = [name for name in saved.plan.approaches if name != BASELINE]
    approaches = select(names, baseline=BASELINE in saved.plan.approaches)
    if not options.anyway:  # these changes are known before an image is built
        here = replace(saved.environment, git_commit=git_commit(), packages=packages())
        refuse_blocking(saved.id, environment_changes(saved.environment, here))
    with open_session(options.arguments) as session:
        session.progress.show(saved.plan)
        runtime = _start(session, saved, anyway=options.anyway)
        plan = adapt_plan(saved.plan, approaches, runtime.cpus)
        changes = [*_environment_changes(saved, runtime), *plan_changes(saved.plan, plan)]
        if not options.anyway:
            refuse_blocking(saved.id, changes)
        comparison = run_plan(plan, session)
    notices = rerun_notices(changes, saved, comparison)
    comparison = replace(comparison, rerun_of=saved.id, notices=(*notices, *comparison.notices))
    return report(comparison, session, options.format)


def _start(session: Session, saved: Comparison, *, anyway: bool) -> Runtime:
    """Start the runtime of `saved`; with `anyway` the other one if that is unavailable."""
    name = saved.environment.runtime
    try:
        return session.start(name, f"that of {saved.id}")
    except MachineError as error:
        if not anyway:
            raise
        session.progress.note(f"the runtime {name} of {saved.id} is unavailable: {error.message}")
        return session.start("local" if name == "docker" else "docker", error.message)


def _environment_changes(saved: Comparison, runtime: Runtime) -> list[Change]:
    """An image determines its Python; the versions of other interpreters are known only once they run."""
    pythons = [point.python for point in saved.plan.points]
    runtime.prepare(saved.plan.approaches, pythons)
    local = runtime.name == "local" and all(python is None for python in pythons)
    version = platform.python_version() if local else saved.environment.python
    return environment_changes(saved.environment, describe_environment(runtime, "", version))
