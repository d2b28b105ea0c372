"""``lab.py rerun``: a saved comparison once more, as it was."""

from __future__ import annotations

import platform
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace

from clients.harness import catalogue
from clients.harness.catalogue import Approach
from labkit.analysis.environment_diff import Change
from labkit.model import BASELINE, Comparison, Plan
from labkit.model.errors import MachineError
from labkit.plan.grid import plan_again
from labkit.plan.selection import select
from labkit.results.locate import locate
from labkit.results.read import read
from labkit.run import rerun, session
from labkit.runtime import Runtime
from labkit.runtime.choose import choose
from labkit.runtime.environment import describe_environment, git_commit, packages
from labkit.system import checkout


def run(options: Namespace) -> int:
    """Run it; as `compare` returns. Raises `UsageError` or `MachineError` where it cannot be the same."""
    saved = rerun.repeatable(read(locate(options.result, checkout.ROOT / "results")))
    approaches = _approaches(saved)
    here = replace(saved.environment, git_commit=git_commit(), packages=packages())
    found = rerun.all_changes(saved.environment, here)
    if not options.anyway:
        rerun.refuse(saved.id, found)  # before an image is built that nobody wants

    def plan(runtime: Runtime) -> Plan:
        again = plan_again(saved.plan, approaches, runtime.cpus)
        found[:] = [*_changes(saved, runtime), *rerun.plan_changes(saved.plan, again)]
        if not options.anyway:
            rerun.refuse(saved.id, found)
        return again

    return session.run(
        session.RunRequest(
            first=saved.plan,
            choose=_chooser(saved, anyway=options.anyway),
            plan=plan,
            arguments=options.arguments,
            format=options.format,
            remarks=lambda done: rerun.notices(found, saved, done),
            rerun_of=saved.id,
        )
    )


def _approaches(saved: Comparison) -> dict[str, Approach]:
    """What the approaches' files say now, Locust's too where it took part."""
    names = [name for name in saved.plan.approaches if name != BASELINE]
    found = select(names) if names else {}
    return found | ({BASELINE: catalogue.read_baseline()} if BASELINE in saved.plan.approaches else {})


def _chooser(saved: Comparison, *, anyway: bool) -> Callable[[str, session.Note], tuple[Runtime, str]]:
    """Chooses the runtime of `saved`, or the other one if that cannot be had and it may be another."""

    def chosen(project: str, note: session.Note) -> tuple[Runtime, str]:
        wanted = saved.environment.runtime
        try:
            return choose(wanted, project, note)[0], f"that of {saved.id}"
        except MachineError as error:
            if not anyway:
                raise
            note(f"not with the runtime {wanted}, as {saved.id}: {error.message}")
            return choose("local" if wanted == "docker" else "docker", project, note)[0], error.message

    return chosen


def _changes(saved: Comparison, runtime: Runtime) -> list[Change]:
    """What is not as it was. An image's Python goes by the image; that of other interpreters shows when they run."""
    runtime.prepare(saved.plan.approaches, [point.python for point in saved.plan.points])
    local = runtime.name == "local" and all(point.python is None for point in saved.plan.points)
    python = platform.python_version() if local else saved.environment.python
    return rerun.all_changes(saved.environment, describe_environment(runtime, "", python))
