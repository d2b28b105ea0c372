"""``lab.py load``: options → plan → run → results → report."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import fields, replace

from labkit import reports
from labkit.load import ui
from labkit.load.plan import LoadRequest, make_load_test
from labkit.load.run import run_load_test
from labkit.model.errors import UsageError
from labkit.model.load import LoadPlan, LoadRun
from labkit.options.common import server_config
from labkit.output.page import page, show
from labkit.reports.content.load import LoadReport
from labkit.results.load_document import document
from labkit.run.session import Session, open_session
from labkit.system.ports import require_free

# Locust's page has its own controls for these.
UI_SETS = ("users", "spawn_rate", "rate", "arrivals", "duration_s", "requests", "stop_when", "fail_when", "find_limit")


def run(options: Namespace) -> int:
    """Run the load test; 0 when it is sound and within its thresholds, 1 otherwise."""
    test = make_load_test(_request(options))
    if options.ui or options.port is not None:
        return _serve_page(test.plan, options)
    with open_session(options.arguments) as session:
        session.start(options.runtime)
        load_run = run_load_test(test, session)
    return _report(load_run, session, options.format)


def passed(load_run: LoadRun) -> bool:
    """True if no threshold failed, and every load is sound or a limit was found.

    With a threshold on failed requests, requests may fail.
    """
    if any(verdict.failed for verdict in load_run.verdicts):
        return False
    if load_run.knee is not None:  # every step up to the last good one is sound
        return load_run.knee.last_good is not None and load_run.knee.first_bad is not None
    may_fail = any(verdict.text.split()[0].startswith("failed") for verdict in load_run.verdicts)
    return all(trial.sound or (may_fail and trial.answered and trial.checked) for trial in load_run.trials)


def _report(load_run: LoadRun, session: Session, name: str) -> int:
    saved = session.save(document(load_run))
    load_run = replace(load_run, notices=tuple(dict.fromkeys([*load_run.notices, *session.notices])))
    show(reports.render(LoadReport(load_run), name, page(sys.stdout, saved=saved)))
    if session.stopped is not None:
        raise session.stopped
    return 0 if passed(load_run) and session.saved else 1


def _request(options: Namespace) -> LoadRequest:
    """Each field is the option with its name."""
    values = {field.name: getattr(options, field.name) for field in fields(LoadRequest) if field.name != "server"}
    return LoadRequest(server=server_config(options), **values)


def _serve_page(plan: LoadPlan, options: Namespace) -> int:
    if not options.ui:
        raise UsageError("--port is the port of Locust's page", "Add --ui, or leave it out.")
    if given := [name for name in UI_SETS if getattr(options, name)]:
        names = ", ".join(f"--{name.removesuffix('_s').replace('_', '-')}" for name in given)
        raise UsageError(f"with --ui, {names} would have no effect", "Set the load on Locust's page.")
    port = options.port or ui.PORT
    require_free(port, "Choose another with --port.")
    with open_session(options.arguments) as session:
        runtime = session.start(options.runtime)
        session.run(lambda: ui.serve_page(plan, runtime, port, session.progress.note))
    return 0
