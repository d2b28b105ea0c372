"""``lab.py trace``: script → run beside the slow server → results → summary."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from labkit.analysis.analyse import analyse
from labkit.analysis.metrics import Metrics
from labkit.model import CheckedTrial
from labkit.model.errors import LabError, UsageError
from labkit.options.common import server_config
from labkit.output.format import format_count, format_fixed, plural, sanitize
from labkit.output.page import show
from labkit.reports import html
from labkit.results.document import document
from labkit.run.script import ScriptRequest, trace_script
from labkit.run.session import open_session
from labkit.system.ports import require_free


def run(options: Namespace) -> int:
    """Run the script; 0 when it succeeded and every check held, 1 otherwise. Raises `LabError` when it failed."""
    request = _request(options)
    with open_session(options.arguments) as session:
        if session.start(options.runtime).name == "local":
            require_free(request.port, "Stop the program that listens there, or choose the script's port with --port.")
        comparison = trace_script(request, session)
    analysis = analyse(comparison)
    saved = session.save(document(analysis), html.render(analysis))
    (checked,) = comparison.trials
    notes = ["The report shows the timeline.", f"Saved: {saved}"] if saved else []
    show(
        "\n".join(
            [*_summary(checked, analysis.metrics[0]), "", *notes, *(notice.message for notice in session.notices)]
        )
    )
    if session.stopped is not None:
        raise session.stopped
    if checked.trial.outcome != "ok":
        raise LabError(
            f"{request.path.name}: {checked.trial.outcome}: {checked.trial.error}", lines=checked.trial.last_lines
        )
    return 0 if session.saved and all(check.ok is not False for check in checked.checks) else 1


def _request(options: Namespace) -> ScriptRequest:
    path = Path(options.script).resolve()
    if not path.is_file():
        raise UsageError(f"there is no file {options.script}", "Name a Python file, as in `python lab.py trace my.py`.")
    arguments = tuple(options.script_arguments)
    return ScriptRequest(path, arguments, server_config(options), options.port, options.trial_timeout)


def _summary(checked: CheckedTrial, metrics: Metrics) -> Iterator[str]:
    trial = checked.trial
    requests, makespan = plural(len(trial.requests), "request"), format_fixed(trial.makespan_s, 3)
    peaks = map(format_count, (metrics.max_in_flight, metrics.threads_peak, metrics.processes_peak))
    peak = "most in flight {}, threads {}, processes {}".format(*peaks)
    yield f"{sanitize(trial.planned.approach)}: {requests} in {makespan} s; {peak}"
    if trial.trace is not None:
        yield f"recorded: {plural(len(trial.trace.lanes), 'lane')}, {plural(len(trial.trace.gaps), 'gap')}"
        yield from map(sanitize, trial.trace.unseen)
    yield from (f"{check.name}: {sanitize(check.detail)}" for check in checked.checks if check.ok is False)
    if trial.last_lines and trial.outcome == "ok":
        yield "last lines of its output:"
        yield from (f"    {sanitize(line)}" for line in trial.last_lines)
