"""Somebody's script, run as it stands beside the slow server, and watched as a traced trial is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clients.harness import protocol
from labkit.analysis.checks import CHECKS
from labkit.analysis.metrics import max_in_flight
from labkit.model import Block, CheckedTrial, GridPoint, Load, Plan, PlannedTrial, ServerConfig
from labkit.model.errors import MachineError
from labkit.plan.ideal import ideal_s
from labkit.run.assemble import assemble
from labkit.run.matching import numbered
from labkit.runtime import Runtime
from labkit.runtime.client import ClientReport
from labkit.runtime.server import LoggedRequest
from labkit.system.interrupts import raise_if_interrupted

LOG_PATIENCE_S = 1.0
MOST_CHARACTERS = 2_000_000
# What a script returns and how many requests it makes are its own affair.
NOT_OF_A_SCRIPT = {"body_order", "limit", "quiet_machine"}


@dataclass(frozen=True, slots=True)
class ScriptRequest:
    """A script to be run, with the port that it expects the slow server on."""

    path: Path
    arguments: tuple[str, ...]
    server: ServerConfig
    port: int
    timeout_s: float


def trace_script(wanted: ScriptRequest, runtime: Runtime) -> tuple[Plan, CheckedTrial]:
    """Run the script to its end, whatever that is. Raises `MachineError` when it cannot be started."""
    runtime.prepare([])
    server = runtime.server(wanted.server, wanted.port)
    server.start()
    server.wait_until_ready()
    client = runtime.script()
    client.start()
    ready = client.wait_until_ready()
    if isinstance(ready, protocol.Unavailable):
        raise MachineError(f"the script cannot be run: {ready.reason}")
    raise_if_interrupted()
    signal = protocol.Script(
        name=wanted.path.name,
        arguments=wanted.arguments,
        folder=str(wanted.path.parent) if runtime.shares_files else None,
        files=() if runtime.shares_files else _files(wanted.path),
        origins=tuple(f"{host}:{wanted.port}" for host in ("127.0.0.1", "localhost", "0.0.0.0", "[::1]", "::1")),  # noqa: S104
        trial_timeout_s=wanted.timeout_s,
    )
    before = server.cpu_s()
    report = client.run(signal, lambda _: None)
    after = server.cpu_s()
    begun = sum(isinstance(message, protocol.Begin) for message in report.messages)
    logged = server.all_logged_requests(begun, LOG_PATIENCE_S)
    used = None if before is None or after is None else after - before
    return _checked(wanted, ready, report, logged, used)


def _files(path: Path) -> tuple[tuple[str, str], ...]:
    """The script and the modules beside it, which is what a container can be given of them."""
    others = [each for each in sorted(path.parent.glob("*.py")) if each != path and each.is_file()]
    found = [(each.name, each.read_text("utf-8", errors="replace")) for each in (path, *others)]
    if sum(len(text) for _, text in found) > MOST_CHARACTERS:
        return (found[0],)  # a folder of everything: the script alone, then
    return tuple(found)


def _checked(
    wanted: ScriptRequest,
    ready: protocol.Ready,
    report: ClientReport,
    logged: Sequence[LoggedRequest],
    server_cpu_s: float | None,
) -> tuple[Plan, CheckedTrial]:
    messages, rows = numbered(report.messages, logged)
    told = ClientReport(messages, report.done, report.exit_reason, report.last_lines)
    # What it did is known only now: first a plan for as many requests, then with as many in flight as there were.
    trial = assemble(_planned(wanted, len(rows), len(rows)), ready, told, rows, server_cpu_s)
    planned = _planned(wanted, len(trial.requests), max_in_flight(trial) or 1)
    trial = assemble(planned, ready, told, rows, server_cpu_s)
    checks = tuple(check(trial) for check in CHECKS if check.__name__ not in NOT_OF_A_SCRIPT)
    plan = Plan((Block(planned.point, (planned,)),), (planned.approach,), seed=1)
    return plan, CheckedTrial(trial, checks)


def _planned(wanted: ScriptRequest, requests: int, in_flight: int) -> PlannedTrial:
    requests, in_flight = max(1, requests), max(1, in_flight)
    server = wanted.server
    return PlannedTrial(
        approach=wanted.path.name,
        point=GridPoint(server, Load(requests, in_flight), scenario="script"),
        repeat=1,
        order=1,
        bound=in_flight,
        ideal_s=ideal_s(requests, server.delay_s, server.slots, in_flight),
        timeout_s=wanted.timeout_s,
        traced=True,
    )
