"""``lab.py load``: one load, or one after another until the server's limit is found."""

from __future__ import annotations

import shlex
import sys
from argparse import Namespace
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from labkit import reports
from labkit.load import ui
from labkit.load.display import Display, make_display
from labkit.load.limit import MOST_STEPS, find_limit
from labkit.load.plan import LoadRequest, LoadTest, make_load_test
from labkit.load.run import LoadInterrupted, run_load
from labkit.load.thresholds import evaluate, evaluate_trial
from labkit.model import Notice, ServerConfig
from labkit.model.errors import LabError, UsageError
from labkit.model.load import Knee, LoadPlan, LoadRun, LoadTrial, Now
from labkit.output.page import page, show
from labkit.reports.content.load import LoadReport
from labkit.results.load_document import document, trial_document
from labkit.results.store import Results, discard_if_empty
from labkit.run.teardown import NOT_SAVED, not_saved, run_and_close
from labkit.runtime import Runtime
from labkit.runtime.choose import choose
from labkit.runtime.environment import describe_environment
from labkit.system import checkout, runs


def run(options: Namespace) -> int:
    """Run the load; 0 when it is sound and passed its thresholds, 1 otherwise."""
    course = make_load_test(_wanted(options))
    _check_page(options)
    if options.ui:
        return ui.run(course.plan, options.runtime, options.port or ui.PORT)
    started = datetime.now(UTC)
    run_id = runs.new_run(started)
    with runs.running(run_id), make_display() as display:
        folder = checkout.ROOT / "results" / run_id
        try:
            results = Results(folder)
            runtime, reason = choose(options.runtime, runs.project(run_id), display.note)
            session = _Session(course, runtime, display, results)
            stopped = run_and_close(session.run, runtime, lambda: "interrupted")
            if not session.trials:
                assert stopped is not None  # nothing else keeps a load from being measured
                raise stopped
        except BaseException:
            discard_if_empty(folder)
            raise
    last = session.trials[-1]
    load_run = LoadRun(
        id=run_id,
        started_at=started.isoformat(timespec="seconds"),
        command=shlex.join(["python", "lab.py", *options.arguments]),
        seed=options.seed,
        environment=describe_environment(runtime, reason, last.python),
        trials=tuple(session.trials),
        verdicts=tuple(evaluate_trial(threshold, last) for threshold in course.fail_when),
        stopped=session.stopped,
        knee=session.knee,
        notices=(*session.notices, *([Notice("stopped", stopped.message, stopped.hint)] if stopped else [])),
    )
    return _report(load_run, results, options.format, stopped)


@dataclass(slots=True)
class _Session:
    """Loads of one `lab.py load`; `trials` holds what is over so far, whatever happens to the rest."""

    course: LoadTest
    runtime: Runtime
    display: Display
    results: Results
    trials: list[LoadTrial] = field(default_factory=list)
    knee: Knee | None = None
    stopped: str | None = None
    notices: list[Notice] = field(default_factory=list)

    def run(self) -> None:
        """Run them. Raises `LabError` when it cannot go on."""
        self.runtime.prepare(["load"])
        stairs = self.course.stairs
        if stairs is None:
            self._run(self.course.plan, None)
        else:
            self.knee = find_limit(
                stairs.rate,
                stairs.bound_s,
                lambda rate: self._run(self.course.at(rate, len(self.trials) + 1), MOST_STEPS),
            )

    def _run(self, plan: LoadPlan, steps: int | None) -> LoadTrial:
        self.display.begin(plan, steps)
        try:
            trial = run_load(plan, self.runtime, self.display, self.results.folder, watch=self._watch, warn=self._warn)
        except LoadInterrupted as interrupted:
            self._keep(interrupted.trial)
            raise
        self._keep(trial)
        return trial

    def _keep(self, trial: LoadTrial) -> None:
        self.trials.append(trial)
        try:
            self.results.add(trial_document(trial))
        except LabError as error:
            self._warn(error)
        self.display.over(trial)

    def _watch(self, now: Now) -> bool:
        """Whether a threshold that ends the load early holds."""
        reached = [verdict for threshold in self.course.stop_when if (verdict := evaluate(threshold, now)).failed]
        if reached and self.stopped is None:
            self.stopped = f"{reached[0].text} (it was {reached[0].value:g} after {now.elapsed_s:.1f} s)"
        return bool(reached)

    def _warn(self, error: LabError) -> None:
        self.notices.append(not_saved(error))


def _report(load_run: LoadRun, results: Results, name: str, stopped: LabError | None) -> int:
    saved: str | None = str(results.document_path.relative_to(checkout.ROOT))
    try:
        results.finish(document(load_run))
    except LabError as error:
        saved = None
        load_run = replace(load_run, notices=tuple(dict.fromkeys([*load_run.notices, not_saved(error)])))
    show(reports.render(LoadReport(load_run), name, page(sys.stdout, saved=saved)))
    if stopped is not None:
        raise stopped
    return 0 if passed(load_run) and all(notice.code != NOT_SAVED for notice in load_run.notices) else 1


def passed(load_run: LoadRun) -> bool:
    """Whether every load is sound, or a limit was found, and no threshold failed.

    Requests may fail where a threshold says how many.
    """
    if any(verdict.failed for verdict in load_run.verdicts):
        return False
    if load_run.knee is not None:  # every step up to the last good one is sound
        return load_run.knee.last_good is not None and load_run.knee.first_bad is not None
    tolerated = any(verdict.text.split()[0].startswith("failed") for verdict in load_run.verdicts)
    return all(trial.sound or (tolerated and trial.answered and trial.checked) for trial in load_run.trials)


def _check_page(options: Namespace) -> None:
    """Locust's page has its own choices, and nothing else has a port."""
    if options.port is not None and not options.ui:
        raise UsageError("--port is that of Locust's page", "Add --ui, or leave it out.")
    of_a_load = (
        "users",
        "spawn_rate",
        "rate",
        "arrivals",
        "duration",
        "requests",
        "stop_when",
        "fail_when",
        "find_limit",
    )
    given = [f"--{name.replace('_', '-')}" for name in of_a_load if options.ui and getattr(options, name)]
    if given:
        raise UsageError(
            f"--ui is Locust's own page, where {', '.join(given)} would have no effect", "Choose users there."
        )


def _wanted(options: Namespace) -> LoadRequest:
    return LoadRequest(
        server=ServerConfig(options.workers, options.worker_class, options.worker_threads, options.delay),
        users=options.users,
        spawn_rate=options.spawn_rate,
        rate=options.rate,
        arrivals=options.arrivals,
        seed=options.seed,
        duration_s=options.duration,
        requests=options.requests,
        timeout_s=options.timeout,
        processes=options.processes,
        stop_when=tuple(options.stop_when),
        fail_when=tuple(options.fail_when),
        find_limit=options.find_limit,
        step=options.step,
        bound_s=options.bound,
    )
