"""``lab.py compare``: plan, run, check, report."""

from __future__ import annotations

import os
import shlex
import sys
from argparse import Namespace
from dataclasses import replace
from datetime import UTC, datetime

from clients.harness import catalogue
from labkit import html, owner, reports, scenarios
from labkit.agreement import agreements
from labkit.comparison import Run
from labkit.document import document, trial_document
from labkit.ending import NOT_SAVED, not_saved, run_and_close, show
from labkit.environment import environment
from labkit.errors import LabError, MachineError
from labkit.model import BASELINE, CheckedTrial, Comparison, Notice
from labkit.plan import Grid, make_plan
from labkit.progress import make_progress
from labkit.results import Results, discard_if_empty
from labkit.runtime.choose import choose
from labkit.selection import select


def run(options: Namespace) -> int:
    """Run the comparison; returns 0 when every trial ran and every check held, 1 otherwise."""
    approaches = select(options.approaches)
    if not options.no_baseline:
        approaches[BASELINE] = catalogue.baseline()
    plan = make_plan(approaches, _grid(options, os.cpu_count() or 1), options.seed)
    started = datetime.now(UTC)
    run_id = owner.new_run(started)
    with owner.running(run_id), make_progress() as progress:
        folder = owner.ROOT / "results" / run_id
        try:
            results = Results(folder)
            progress.begin(plan)
            runtime, reason = choose(options.runtime, owner.project(run_id), progress.note)
            plan = make_plan(approaches, _grid(options, runtime.cpus), options.seed)  # its processors are not ours
            keeper = _Keeper(results)
            work = Run(plan, runtime, progress, keeper)
            stopped = run_and_close(work.run, runtime, lambda: f"interrupted after {_how_many(work)} trials")
            if not work.trials:
                reasons = "; ".join(f"{name} {reason}" for name, reason in work.unavailable.items())
                raise stopped or MachineError(f"nothing that was asked for can run here: {reasons}")
        except BaseException:
            discard_if_empty(folder)
            raise
    comparison = Comparison(
        id=run_id,
        started_at=started.isoformat(timespec="seconds"),
        command=shlex.join(["python", "lab.py", *options.arguments]),
        plan=plan,
        environment=environment(runtime, reason, work.python),
        trials=tuple(work.trials),
        unavailable=work.unavailable,
        notices=(*keeper.notices, *_notices(work, stopped)),
    )
    saved: str | None = f"{results.document_path.relative_to(owner.ROOT)} and {results.page_path.name}"
    try:
        results.finish(whole := document(comparison))
        results.add_page(html.render(whole))
    except LabError as error:
        saved = None
        comparison = replace(comparison, notices=tuple(dict.fromkeys([*comparison.notices, not_saved(error)])))
    show(reports.load(options.format).render(comparison, reports.page(sys.stdout, saved=saved)))
    if stopped is not None:
        raise stopped
    saved_too = all(notice.code != NOT_SAVED for notice in comparison.notices)
    return 0 if comparison.complete and saved_too and all(each.ok for each in agreements(comparison)) else 1


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


def _how_many(work: Run) -> str:
    return f"{len(work.trials)} of {len(work.plan.trials)}"


class _Keeper:
    """Keeps each trial on disk; where the disk does not take one, the others go on and a notice tells."""

    def __init__(self, results: Results) -> None:
        self._results = results
        self.notices: list[Notice] = []

    def __call__(self, checked: CheckedTrial) -> None:
        try:
            self._results.add(trial_document(checked))
        except LabError as error:
            self.notices = [not_saved(error)]


def _notices(work: Run, stopped: LabError | None) -> list[Notice]:
    found = [
        Notice("unavailable", f"{name} {reason}", "`python lab.py approaches` lists what can run here.")
        for name, reason in work.unavailable.items()
    ]
    if any("Too many open files" in (row.error or "") for each in work.trials for row in each.trial.requests):
        found.append(
            Notice(
                "open_files",
                "a process may not open as many files here as there were requests at once",
                "Raise the limit, as with `ulimit -n 8192`, or lower --limit or --requests.",
            )
        )
    found += [Notice("left_out", f"left out: {combination}") for combination in work.plan.left_out]
    if stopped is not None:
        found.append(Notice("stopped", stopped.message, stopped.hint))
    return found
