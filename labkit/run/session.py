"""One comparison from a plan to its exit code: what `compare` and `rerun` have in common."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from labkit import reports
from labkit.analysis.analyse import analyse
from labkit.analysis.metrics import trial_metrics
from labkit.model import CheckedTrial, Comparison, Notice, Plan
from labkit.model.errors import LabError, MachineError
from labkit.output.page import page, show
from labkit.output.progress import make_progress
from labkit.reports import html
from labkit.reports.content.comparison import ComparisonReport
from labkit.results.document import document, trial_document
from labkit.results.store import Results, discard_if_empty
from labkit.run.scheduler import Scheduler
from labkit.run.teardown import NOT_SAVED, not_saved, run_and_close
from labkit.runtime import Runtime
from labkit.runtime.environment import describe_environment
from labkit.system import checkout, runs

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What is to be run. `first` is the plan as far as it is known before a runtime has been chosen.

    `choose` takes the Compose project and who tells a person. `plan` makes the plan for the runtime before anything is
    started there, and may refuse to. `remarks` are notices about what came of it.
    """

    first: Plan
    choose: Callable[[str, Note], tuple[Runtime, str]]
    plan: Callable[[Runtime], Plan]
    arguments: Sequence[str]
    format: str
    remarks: Callable[[Comparison], tuple[Notice, ...]] = lambda _: ()
    rerun_of: str | None = None


def run(wanted: RunRequest) -> int:
    """Run the plan, keep and print what came of it; 0 when every trial ran and every check held, 1 otherwise."""
    started = datetime.now(UTC)
    run_id = runs.new_run(started)
    with runs.running(run_id), make_progress() as progress:
        folder = checkout.ROOT / "results" / run_id
        try:
            results = Results(folder)
            progress.begin(wanted.first)
            runtime, reason = wanted.choose(runs.project(run_id), progress.note)
            plan = wanted.plan(runtime)
            keeper = _Keeper(results)
            work = Scheduler(plan, runtime, progress, keeper)
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
        command=shlex.join(["python", "lab.py", *wanted.arguments]),
        plan=plan,
        environment=describe_environment(runtime, reason, work.python),
        trials=tuple(work.trials),
        unavailable=work.unavailable,
        notices=(*keeper.notices, *_notices(work, stopped)),
        rerun_of=wanted.rerun_of,
    )
    comparison = replace(comparison, notices=(*wanted.remarks(comparison), *comparison.notices))
    saved: str | None = f"{results.document_path.relative_to(checkout.ROOT)} and {results.page_path.name}"
    try:
        analysis = analyse(comparison)
        results.finish(document(analysis))
        results.add_page(html.render(analysis))
    except LabError as error:
        saved = None
        comparison = replace(comparison, notices=tuple(dict.fromkeys([*comparison.notices, not_saved(error)])))
    analysis = analyse(comparison)
    show(reports.render(ComparisonReport(analysis), wanted.format, page(sys.stdout, saved=saved)))
    if stopped is not None:
        raise stopped
    saved_too = all(notice.code != NOT_SAVED for notice in comparison.notices)
    return 0 if comparison.complete and saved_too and all(each.ok for each in analysis.agreements) else 1


def _how_many(work: Scheduler) -> str:
    return f"{len(work.trials)} of {len(work.plan.trials)}"


class _Keeper:
    """Keeps each trial on disk; where the disk does not take one, the others go on and a notice tells."""

    def __init__(self, results: Results) -> None:
        self._results = results
        self.notices: list[Notice] = []

    def __call__(self, checked: CheckedTrial) -> None:
        try:
            self._results.add(trial_document(checked, trial_metrics(checked.trial)))
        except LabError as error:
            self.notices = [not_saved(error)]


def _notices(work: Scheduler, stopped: LabError | None) -> list[Notice]:
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
