"""``lab.py trace``: somebody's script beside the slow server, and a picture of what its threads did."""

from __future__ import annotations

import shlex
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path

from labkit.analysis.analyse import analyse
from labkit.analysis.metrics import trial_metrics
from labkit.model import CheckedTrial, Comparison, Plan, ServerConfig
from labkit.model.errors import LabError, UsageError
from labkit.model.planned import require_threads
from labkit.output.format import format_count, format_fixed, plural, sanitize
from labkit.output.page import show
from labkit.output.progress import make_progress
from labkit.reports import html
from labkit.results.document import document, trial_document
from labkit.results.store import Results, discard_if_empty
from labkit.run.script import ScriptRequest, trace_script
from labkit.run.teardown import run_and_close
from labkit.runtime.choose import choose
from labkit.runtime.environment import describe_environment
from labkit.system import checkout, runs
from labkit.system.ports import require_free


def run(options: Namespace) -> int:
    """Run the script; 0 when it ended well. Raises `LabError`."""
    wanted = _wanted(options)
    started = datetime.now(UTC)
    run_id = runs.new_run(started)
    folder = checkout.ROOT / "results" / run_id
    with runs.running(run_id), make_progress() as progress:
        try:
            results = Results(folder)
            runtime, reason = choose(options.runtime, runs.project(run_id), progress.note)
            if runtime.name == "local":
                require_free(wanted.port, "Stop what listens there, or name the port that the script uses with --port.")
            progress.note(f"{wanted.path.name} runs; the slow server is on http://localhost:{wanted.port}")
            traced: list[tuple[Plan, CheckedTrial]] = []
            stopped = run_and_close(
                lambda: traced.append(trace_script(wanted, runtime)), runtime, lambda: "interrupted"
            )
            if stopped is not None:
                raise stopped
            ((plan, checked),) = traced
            results.add(trial_document(checked, trial_metrics(checked.trial)))
        except BaseException:
            discard_if_empty(folder)
            raise
    comparison = Comparison(
        id=run_id,
        started_at=started.isoformat(timespec="seconds"),
        command=shlex.join(["python", "lab.py", *options.arguments]),
        plan=plan,
        environment=describe_environment(runtime, reason, checked.trial.python),
        trials=(checked,),
        unavailable={},
        notices=(),
        mode="trace",
    )
    analysis = analyse(comparison)
    results.finish(document(analysis))
    results.add_page(html.render(analysis))
    page = results.page_path.relative_to(checkout.ROOT)
    show(f"{_summary(checked)}\n\nThe picture is in {page}, the result beside it.")
    if checked.trial.outcome != "ok":
        raise LabError(
            f"{wanted.path.name}: {checked.trial.outcome}: {checked.trial.error}", lines=checked.trial.last_lines
        )
    return 0 if all(check.ok is not False for check in checked.checks) else 1


def _wanted(options: Namespace) -> ScriptRequest:
    path = Path(options.script).resolve()
    if not path.is_file():
        raise UsageError(f"there is no file {options.script}", "Name a Python file, as in `python lab.py trace my.py`.")
    require_threads(options.worker_class, options.worker_threads)
    server = ServerConfig(options.workers, options.worker_class, options.worker_threads, options.delay)
    return ScriptRequest(path, tuple(options.script_arguments), server, options.port, options.trial_timeout)


def _summary(checked: CheckedTrial) -> str:
    trial, found = checked.trial, trial_metrics(checked.trial)
    requests, makespan = plural(len(trial.requests), "request"), format_fixed(trial.makespan_s, 3)
    what = f"{sanitize(trial.planned.approach)}: {requests} in {makespan} s"
    most = (found.max_in_flight, found.threads_peak, found.processes_peak)
    lines = ["{}; most in flight {}, threads {}, processes {}".format(what, *map(format_count, most))]
    if trial.trace is not None:
        lines.append(f"watched: {plural(len(trial.trace.lanes), 'lane')}, {plural(len(trial.trace.gaps), 'gap')}")
        lines += [sanitize(text) for text in trial.trace.unseen]
    lines += [f"{check.name}: {sanitize(check.detail)}" for check in checked.checks if check.ok is False]
    if trial.last_lines and trial.outcome == "ok":
        lines += ["what it printed last:", *(f"    {sanitize(line)}" for line in trial.last_lines)]
    return "\n".join(lines)
