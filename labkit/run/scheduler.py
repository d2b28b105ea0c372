"""Runs a plan: block by block, trial by trial, keeping each as soon as it is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from clients.harness import protocol
from labkit.analysis.checks import check_trial
from labkit.model import Block, CheckedTrial, Plan, PlannedTrial, Trial
from labkit.model.errors import EngineGone, LabError, MachineError, UsageError
from labkit.output.progress import Progress
from labkit.plan.grid import without_gil
from labkit.run.assemble import assemble
from labkit.run.matching import went_out
from labkit.runtime import Runtime
from labkit.runtime.client import Client
from labkit.runtime.server import Server
from labkit.system.interrupts import defer_interrupts, raise_if_interrupted

# How long the server's log may lag behind the clients once a trial is over.
LOG_PATIENCE_S = 1.0
# How long a server that was killed may take to be seen as ended.
END_PATIENCE_S = 0.5
STARTED_AT_ONCE = 8

Started = tuple[Client, protocol.Ready]


@dataclass(slots=True)
class Scheduler:
    """A plan being run; `trials` holds what is over so far, whatever happens to the rest."""

    plan: Plan
    runtime: Runtime
    progress: Progress
    keep: Callable[[CheckedTrial], None]
    trials: list[CheckedTrial] = field(default_factory=list)
    unavailable: dict[str, str] = field(default_factory=dict)
    _clients: list[Client] = field(default_factory=list)

    def run(self) -> None:
        """Run every block. Raises `LabError` when it cannot go on; what a trial suffers alone is its own outcome."""
        self.runtime.prepare(self.plan.approaches, [point.python for point in self.plan.points])
        for block in self.plan.blocks:
            raise_if_interrupted()
            self._block(block)

    @property
    def python(self) -> str | None:
        """The interpreter that ran the approaches."""
        return next((checked.trial.python for checked in self.trials if checked.trial.python), None)

    def _let_go(self) -> None:
        """End the clients of the last block. Until now they stayed: their end must not fall into another's trial."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(Client.kill, self._clients))
        self._clients.clear()

    def _block(self, block: Block) -> None:
        self.progress.block(block)
        self._let_go()
        wanted = [trial for trial in block.trials if trial.label not in self.unavailable]
        clients = self._start(self.runtime.server(block.point.server), wanted)
        for planned in wanted:
            if planned.order in clients:
                self._trial(planned, clients[planned.order])

    def _start(self, server: Server, wanted: Sequence[PlannedTrial]) -> dict[int, Started | LabError]:
        """Start the server and all clients of a block side by side, before any of their turns.

        No more of them import their approach at once than there are processors: cold starts are measured, and must not
        slow each other.
        """
        started: dict[int, Started | LabError] = {}
        with ThreadPoolExecutor(STARTED_AT_ONCE) as starting, ThreadPoolExecutor(self.runtime.cpus) as importing:
            try:
                self._clients = [self.runtime.client(planned.approach, planned.point.python) for planned in wanted]
                serving = starting.submit(server.start)
                held = [starting.submit(client.start) for client in self._clients]
                wait([serving, *held])
                serving.result()
                serving = importing.submit(server.wait_until_ready)
                answers: list[Future[Any]] = [
                    importing.submit(client.wait_until_ready) if start.exception() is None else start
                    for client, start in zip(self._clients, held, strict=True)
                ]
                for planned, client, answer in zip(wanted, self._clients, answers, strict=True):
                    try:
                        message = answer.result()
                    except EngineGone:
                        raise
                    except MachineError as error:
                        started[planned.order] = error  # this trial's own outcome; the others go on
                        continue
                    if isinstance(message, protocol.Ready):
                        started[planned.order] = client, message
                    else:
                        self._unavailable(planned, message)
                serving.result()
            except BaseException:
                starting.shutdown(wait=False, cancel_futures=True)
                importing.shutdown(wait=False, cancel_futures=True)
                self.runtime.close()  # so that nobody waits for a client that will never be ready
                raise
        return started

    def _unavailable(self, planned: PlannedTrial, message: protocol.Unavailable) -> None:
        if message.kind == "broken":
            raise UsageError(
                f"clients/{message.approach}.py cannot be used: {message.reason}",
                "Mend the file, or name the approaches to compare without it.",
            )
        self.unavailable[planned.label] = message.reason

    def _trial(self, planned: PlannedTrial, started: Started | LabError) -> None:
        raise_if_interrupted()
        self.progress.trial(planned)
        gone: EngineGone | None = None
        try:
            if isinstance(started, LabError):
                raise started
            server = self.runtime.server(planned.point.server)  # the same one, unless it has died
            server.start()
            server.wait_until_ready()
            trial = self._measure(planned, server, *started)
        except MachineError as error:
            gone = error if isinstance(error, EngineGone) else None
            trial = Trial(planned, "crashed", error.message, None, None, None, last_lines=error.lines)
        checked = CheckedTrial(trial, check_trial(trial))
        with defer_interrupts():  # what the document has is on disk, and the other way round
            self.trials.append(checked)
            self.keep(checked)
        self.progress.trial_done(checked)
        if gone is not None:
            raise gone

    def _measure(self, planned: PlannedTrial, server: Server, client: Client, ready: protocol.Ready) -> Trial:
        if not ready.gil:
            planned = without_gil(planned, self.runtime.cpus)
        load = planned.point.load
        numbers = range(1, load.requests + 1)
        signal = protocol.Trial(
            urls=tuple(f"{server.url}/{planned.key}/{number}" for number in numbers),
            limit=load.limit,
            timeout_s=load.timeout_s,
            trial_timeout_s=planned.timeout_s,
            handle_ms=load.handle_s * 1000,
            trace=planned.traced,
            rate=load.rate,
        )
        before = server.cpu_s()
        report = client.run(signal, self.progress.sample)
        after = server.cpu_s()
        logged = server.logged_requests(planned.key, list(_sent(report.messages)), LOG_PATIENCE_S)
        used = None if before is None or after is None else after - before
        trial = assemble(planned, ready, report, logged, used)
        if _has_ended(server, 0 if trial.outcome == "ok" else END_PATIENCE_S):
            error = f"the slow server ended during the trial; {trial.error or 'the client did not notice'}"
            trial = replace(trial, outcome="crashed", error=error, last_lines=trial.last_lines + server.last_lines)
        elif trial.outcome != "ok":
            with suppress(EngineGone):
                server.stop()  # it may be busy yet with requests that nobody waits for: the next trial gets a fresh one
        return trial


def _sent(messages: Sequence[protocol.Message]) -> Iterator[int | str]:
    """The ids that went out, each as often: what was never sent cannot be in the server's log."""
    begun = Counter(message.id for message in messages if isinstance(message, protocol.Begin))
    ends = (message for message in messages if isinstance(message, protocol.Request))
    return (begun - Counter(end.id for end in ends if not went_out(end))).elements()


def _has_ended(server: Server, patience_s: float) -> bool:
    try:
        return server.has_ended(patience_s)
    except EngineGone:  # the next trial will say so
        return False
