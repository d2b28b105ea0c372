"""Run a plan: block by block, trial by trial, keeping each trial as soon as it is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from clients.harness import protocol
from labkit.analysis.checks import check_trial
from labkit.analysis.metrics import trial_metrics
from labkit.model import Block, CheckedTrial, Comparison, Notice, Plan, PlannedTrial, Trial
from labkit.model.errors import EngineGone, Interrupted, LabError, MachineError, UsageError
from labkit.output.events import InFlight
from labkit.output.progress import Progress
from labkit.results.document import trial_document
from labkit.run.assemble import assemble
from labkit.run.matching import was_sent
from labkit.run.session import Session
from labkit.runtime import Runtime
from labkit.runtime.client import Client
from labkit.runtime.server import Server
from labkit.system.interrupts import defer_interrupts, raise_if_interrupted

# Lag of the server's log behind the clients after a trial, at most.
LOG_PATIENCE_S = 1.0
# Time until a killed server is seen as ended, at most.
END_PATIENCE_S = 0.5
STARTED_AT_ONCE = 8

Started = tuple[Client, protocol.Ready]


def run_plan(plan: Plan, session: Session) -> Comparison:
    """Run `plan` until it ends or is stopped. Raises `LabError` if no trial was measured."""

    def keep(checked: CheckedTrial) -> None:
        session.keep(trial_document(checked, trial_metrics(checked.trial)))

    scheduler = Scheduler(plan, session.runtime, session.progress, keep)
    session.run(scheduler.run)
    return Comparison(
        id=session.id,
        started_at=session.started_at,
        command=session.command,
        plan=plan,
        environment=session.environment(scheduler.python),
        trials=tuple(scheduler.trials),
        unavailable=scheduler.unavailable,
        notices=(*_notices(scheduler), *session.notices),
    )


@dataclass(slots=True)
class Scheduler:
    """A plan that is run; `trials` holds the finished ones, even if `run` raises."""

    plan: Plan
    runtime: Runtime
    progress: Progress
    keep: Callable[[CheckedTrial], None]
    trials: list[CheckedTrial] = field(default_factory=list)
    unavailable: dict[str, str] = field(default_factory=dict)
    _clients: list[Client] = field(default_factory=list)

    def run(self) -> None:
        """Run every block. Raises `LabError` if it cannot continue; the failure of a single trial is its outcome."""
        self.progress.show(self.plan)
        try:
            self.runtime.prepare(self.plan.approaches, [point.python for point in self.plan.points])
            for block in self.plan.blocks:
                raise_if_interrupted()
                self._run_block(block)
        except KeyboardInterrupt:
            message = f"interrupted after {len(self.trials)} of {len(self.plan.trials)} trials"
            raise Interrupted(message) from None
        if not self.trials:
            reasons = "; ".join(f"{name} {reason}" for name, reason in self.unavailable.items())
            raise MachineError(f"none of these approaches can run here: {reasons}")

    @property
    def python(self) -> str | None:
        """The version of the interpreter that ran the approaches."""
        return next((checked.trial.python for checked in self.trials if checked.trial.python), None)

    def _stop_previous_clients(self) -> None:
        """End the clients of the previous block: not earlier, so that ending one does not disturb another's trial."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(Client.kill, self._clients))
        self._clients.clear()

    def _run_block(self, block: Block) -> None:
        self.progress.show(block)
        self._stop_previous_clients()
        trials = [trial for trial in block.trials if trial.label not in self.unavailable]
        clients = self._start(self.runtime.server(block.point.server), trials)
        for planned in trials:
            if planned.order in clients:
                self._run_trial(planned, clients[planned.order])

    def _start(self, server: Server, trials: Sequence[PlannedTrial]) -> dict[int, Started | LabError]:
        """Start the server and all clients of a block concurrently, before the first trial: by order of the trial.

        At most as many clients as there are processors import their approach at once: cold starts are measured, and
        must not slow each other down.
        """
        started: dict[int, Started | LabError] = {}
        with ThreadPoolExecutor(STARTED_AT_ONCE) as starting, ThreadPoolExecutor(self.runtime.cpus) as importing:
            try:
                self._clients = [self.runtime.client(planned.approach, planned.point.python) for planned in trials]
                serving = starting.submit(server.start)
                held = [starting.submit(client.start) for client in self._clients]
                wait([serving, *held])
                serving.result()
                serving = importing.submit(server.wait_until_ready)
                answers: list[Future[Any]] = [
                    importing.submit(client.wait_until_ready) if start.exception() is None else start
                    for client, start in zip(self._clients, held, strict=True)
                ]
                for planned, client, answer in zip(trials, self._clients, answers, strict=True):
                    try:
                        message = answer.result()
                    except EngineGone:
                        raise
                    except MachineError as error:
                        started[planned.order] = error  # the outcome of this trial alone
                        continue
                    if isinstance(message, protocol.Ready):
                        started[planned.order] = client, message
                    else:
                        self._note_unavailable(planned, message)
                serving.result()
            except BaseException:
                starting.shutdown(wait=False, cancel_futures=True)
                importing.shutdown(wait=False, cancel_futures=True)
                self.runtime.close()  # so that no thread waits for a client that will never be ready
                raise
        return started

    def _note_unavailable(self, planned: PlannedTrial, message: protocol.Unavailable) -> None:
        if message.kind == "broken":
            raise UsageError(
                f"clients/{message.approach}.py cannot be used: {message.reason}",
                "Fix the file, or name the approaches to compare without it.",
            )
        self.unavailable[planned.label] = message.reason

    def _run_trial(self, planned: PlannedTrial, started: Started | LabError) -> None:
        raise_if_interrupted()
        self.progress.show(planned)
        gone: EngineGone | None = None
        try:
            if isinstance(started, LabError):
                raise started
            server = self.runtime.server(planned.point.server)  # the block's server, unless it has ended
            server.start()
            server.wait_until_ready()
            trial = self._measure(planned, server, *started)
        except MachineError as error:
            gone = error if isinstance(error, EngineGone) else None
            trial = Trial(planned, "crashed", error.message, None, None, None, last_lines=error.lines)
        checked = CheckedTrial(trial, check_trial(trial))
        with defer_interrupts():  # the document and the disk hold the same trials
            self.trials.append(checked)
            self.keep(checked)
        self.progress.show(checked)
        if gone is not None:
            raise gone

    def _measure(self, planned: PlannedTrial, server: Server, client: Client, ready: protocol.Ready) -> Trial:
        load = planned.point.load
        signal = protocol.Trial(
            urls=tuple(f"{server.url}/{planned.key}/{number}" for number in range(1, load.requests + 1)),
            limit=load.limit,
            timeout_s=load.timeout_s,
            trial_timeout_s=planned.timeout_s,
            handle_s=load.handle_s,
            trace=planned.traced,
            rate=load.rate,
        )
        before = server.cpu_s()
        report = client.run(signal, lambda requests: self.progress.show(InFlight(requests)))
        after = server.cpu_s()
        logged = server.logged_requests(planned.key, list(_sent(report.messages)), LOG_PATIENCE_S)
        used = None if before is None or after is None else after - before
        trial = assemble(planned.on_interpreter(gil=ready.gil), ready, report, logged, used)
        if _has_ended(server, 0 if trial.outcome == "ok" else END_PATIENCE_S):
            error = f"the slow server ended during the trial; {trial.error or 'the client did not notice'}"
            trial = replace(trial, outcome="crashed", error=error, last_lines=trial.last_lines + server.last_lines)
        elif trial.outcome != "ok":
            with suppress(EngineGone):
                server.stop()  # it may still serve abandoned requests: the next trial gets a fresh one
        return trial


def _sent(messages: Sequence[protocol.Message]) -> Iterator[int | str]:
    """The ids of the requests that were sent, once per attempt: the server's log cannot hold any others."""
    begun = Counter(message.id for message in messages if isinstance(message, protocol.Begin))
    ends = (message for message in messages if isinstance(message, protocol.Request))
    return (begun - Counter(end.id for end in ends if not was_sent(end))).elements()


def _has_ended(server: Server, patience_s: float) -> bool:
    try:
        return server.has_ended(patience_s)
    except EngineGone:  # the next trial reports it
        return False


def _notices(scheduler: Scheduler) -> Iterator[Notice]:
    for name, reason in scheduler.unavailable.items():
        yield Notice("unavailable", f"{name} {reason}", "`python lab.py approaches` lists what can run here.")
    if any("Too many open files" in (row.error or "") for each in scheduler.trials for row in each.trial.requests):
        yield Notice(
            "open_files",
            "the limit of open files per process is lower here than the number of concurrent requests",
            "Raise it, as with `ulimit -n 8192`, or lower --limit or --requests.",
        )
    for combination in scheduler.plan.left_out:
        yield Notice("left_out", f"left out: {combination}")
