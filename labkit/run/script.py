"""Run a user's script beside the slow server, unchanged, and record it like a traced trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clients.harness import protocol
from labkit.analysis.checks import CHECKS
from labkit.analysis.metrics import max_in_flight, trial_metrics
from labkit.model import Block, CheckedTrial, Comparison, GridPoint, Load, Plan, PlannedTrial, ServerConfig
from labkit.model.errors import MachineError
from labkit.plan.ideal import ideal_s
from labkit.results.document import trial_document
from labkit.run.assemble import assemble
from labkit.run.matching import number_requests
from labkit.run.session import Session
from labkit.runtime import Runtime
from labkit.runtime.client import ClientReport
from labkit.runtime.server import LoggedRequest
from labkit.system.interrupts import raise_if_interrupted

# Lag of the server's log behind the script, at most.
LOG_PATIENCE_S = 1.0
MOST_CHARACTERS = 2_000_000
# A script may return anything, and make as many requests as it likes; its threads may outlive it.
NOT_OF_A_SCRIPT = {"body_order", "limit", "quiet_machine", "within_makespan", "ideal"}


@dataclass(frozen=True, slots=True)
class ScriptRequest:
    """A script to run, and the port on which it expects the slow server."""

    path: Path
    arguments: tuple[str, ...]
    server: ServerConfig
    port: int
    timeout_s: float


def trace_script(request: ScriptRequest, session: Session) -> Comparison:
    """Run the script until it ends or is stopped. Raises `LabError` if it was not measured."""
    trials: list[CheckedTrial] = []

    def work() -> None:
        trials.append(_measure(request, session.runtime))
        session.keep(trial_document(trials[0], trial_metrics(trials[0].trial)))

    session.progress.note(f"{request.path.name} runs; the slow server is on http://localhost:{request.port}")
    session.run(work)
    planned, python = trials[0].trial.planned, trials[0].trial.python
    return Comparison(
        id=session.id,
        started_at=session.started_at,
        command=session.command,
        plan=Plan((Block(planned.point, (planned,)),), (planned.approach,), seed=1),
        environment=session.environment(python),
        trials=tuple(trials),
        unavailable={},
        notices=tuple(session.notices),
        mode="trace",
    )


def _measure(request: ScriptRequest, runtime: Runtime) -> CheckedTrial:
    runtime.prepare([])
    server = runtime.server(request.server, request.port)
    server.start()
    server.wait_until_ready()
    client = runtime.script()
    client.start()
    ready = client.wait_until_ready()
    if isinstance(ready, protocol.Unavailable):
        raise MachineError(f"the script cannot be run: {ready.reason}")
    raise_if_interrupted()
    signal = protocol.Script(
        name=request.path.name,
        arguments=request.arguments,
        folder=str(request.path.parent) if runtime.shares_files else None,
        files=() if runtime.shares_files else _files(request.path),
        origins=tuple(f"{host}:{request.port}" for host in ("127.0.0.1", "localhost", "0.0.0.0", "[::1]", "::1")),  # noqa: S104
        trial_timeout_s=request.timeout_s,
    )
    before = server.cpu_s()
    report = client.run(signal, lambda _: None)
    after = server.cpu_s()
    begun = sum(isinstance(message, protocol.Begin) for message in report.messages)
    logged = server.all_logged_requests(begun, LOG_PATIENCE_S)
    used = None if before is None or after is None else after - before
    return _check(request, ready, report, logged, used)


def _files(path: Path) -> tuple[tuple[str, str], ...]:
    """The script and the modules beside it, for a container, which does not see the folder."""
    others = [each for each in sorted(path.parent.glob("*.py")) if each != path and each.is_file()]
    files = [(each.name, each.read_text("utf-8", errors="replace")) for each in (path, *others)]
    if sum(len(text) for _, text in files) > MOST_CHARACTERS:
        return (files[0],)  # the folder holds unrelated modules: the script alone
    return tuple(files)


def _check(
    request: ScriptRequest,
    ready: protocol.Ready,
    report: ClientReport,
    logged: Sequence[LoggedRequest],
    server_cpu_s: float | None,
) -> CheckedTrial:
    messages, rows = number_requests(report.messages, logged)
    numbered = ClientReport(messages, report.done, report.exit_reason, report.last_lines)
    # The load of a script is known only afterwards: first its requests, then how many of them were in flight.
    trial = assemble(_planned(request, len(rows), len(rows)), ready, numbered, rows, server_cpu_s)
    planned = _planned(request, len(trial.requests), max_in_flight(trial) or 1)
    trial = assemble(planned, ready, numbered, rows, server_cpu_s)
    return CheckedTrial(trial, tuple(check(trial) for check in CHECKS if check.__name__ not in NOT_OF_A_SCRIPT))


def _planned(request: ScriptRequest, requests: int, in_flight: int) -> PlannedTrial:
    requests, in_flight = max(1, requests), max(1, in_flight)
    server = request.server
    return PlannedTrial(
        approach=request.path.name,
        point=GridPoint(server, Load(requests, in_flight), scenario="script"),
        repeat=1,
        order=1,
        bound=in_flight,
        ideal_s=ideal_s(requests, server.delay_s, server.slots, in_flight),
        timeout_s=request.timeout_s,
        traced=True,
    )
