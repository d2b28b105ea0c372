"""Measure one load: start the server and the load generator, then count everything as it arrives."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from math import inf
from time import monotonic

from clients.harness import protocol
from labkit.load.checks import Resources, check_load
from labkit.load.rows import RowsFile
from labkit.load.tally import Tally
from labkit.load.totals import Totals
from labkit.model import Outcome
from labkit.model.errors import EngineGone, Interrupted, UsageError
from labkit.model.load import LoadPlan, LoadTrial, Now, requests_file
from labkit.output.progress import Progress
from labkit.run.session import Session
from labkit.runtime.client import Client
from labkit.runtime.server import Server
from labkit.system.interrupts import InterruptCounter, count_interrupts, raise_if_interrupted

GENERATOR = "load"  # as compose.yaml and the harness call it
LOOK_EVERY_S = 0.25
# Lag of the server's log behind the clients after a load, at most.
LOG_PATIENCE_S = 2.0
# Time for the requests in flight to end when the user or a threshold ends a load early.
LEAVE_S = 1.0
# Time of a load beyond its duration and the timeout of its requests, and of one that only its requests end.
STARTING_S, LONGEST_S = 60.0, 86_400.0


class LoadInterrupted(Interrupted):
    """The user ended the load; `trial` is the part that was measured."""

    def __init__(self, trial: LoadTrial) -> None:
        super().__init__(f"interrupted after {trial.counts.begun} requests")
        self.trial = trial


def measure_load(plan: LoadPlan, session: Session, should_stop: Callable[[Now], bool]) -> LoadTrial:
    """Run `plan` and save its requests; end it early as soon as `should_stop` is true of the current figures.

    Raises `MachineError` if it cannot be started, and `LoadInterrupted`.
    """
    server = session.runtime.server(plan.server)
    client = session.runtime.client(GENERATOR)
    ready = _start(server, client)
    raise_if_interrupted()
    with count_interrupts() as interruptions:
        rows = RowsFile(session.results.folder / requests_file(plan))
        try:
            measurement = _Measurement(plan, server, client, rows, interruptions, session.progress, should_stop)
            trial = measurement.run(ready)
        finally:
            rows.close()
            if rows.failure is not None:
                session.warn(rows.failure)
            with suppress(EngineGone):
                client.kill()
    if interruptions.count:
        raise LoadInterrupted(trial)
    return trial


def _start(server: Server, client: Client) -> protocol.Ready:
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(server.start)
        client.start()
        starting.result()
        serving = pool.submit(server.wait_until_ready)
        ready = client.wait_until_ready()
        serving.result()
    if isinstance(ready, protocol.Unavailable):
        raise UsageError(f"the load generator cannot be used: {ready.reason}")
    return ready


@dataclass(slots=True)
class _Usage:
    """Resources of the load generator, as sampled from outside."""

    threads_peak: int | None = None
    processes_peak: int | None = None
    memory_peak: int | None = None
    in_flight: tuple[array[int], array[int]] = field(default_factory=lambda: (array("q"), array("q")))
    _cpu_before_s: float | None = None
    _cpu_after_s: float | None = None

    @property
    def cpu_s(self) -> float | None:
        """Processor seconds since the load's zero, without the start of Locust's workers."""
        if self._cpu_before_s is None or self._cpu_after_s is None:
            return None
        return self._cpu_after_s - self._cpu_before_s

    def add(self, sample: protocol.Sample, *, begun: bool) -> None:
        if begun:  # the last sample of a killed process shows less
            self._cpu_after_s = max(sample.cpu_s, self._cpu_after_s or 0.0)
        else:
            self._cpu_before_s = sample.cpu_s
        self.threads_peak = max(sample.threads, self.threads_peak or 0)
        self.processes_peak = max(sample.processes, self.processes_peak or 0)
        if sample.memory_bytes is not None:
            self.memory_peak = max(sample.memory_bytes, self.memory_peak or 0)
        if sample.in_flight is not None:
            for column, value in zip(self.in_flight, (sample.t_ns, sample.in_flight), strict=True):
                column.append(value)


@dataclass(slots=True)
class _Measurement:
    """One load that runs."""

    plan: LoadPlan
    server: Server
    client: Client
    rows: RowsFile
    interruptions: InterruptCounter
    progress: Progress
    should_stop: Callable[[Now], bool]
    _tally: Tally = field(init=False)
    _usage: _Usage = field(default_factory=_Usage)
    _zero_ns: int | None = None
    _last_ns: int = 0
    _done: protocol.Done | None = None
    _patience_s: float = inf  # for the requests in flight, once the load is ended early
    _interrupted: bool = False

    def __post_init__(self) -> None:
        self._tally = Tally(self.plan, self.rows.add)

    def run(self, ready: protocol.Ready) -> LoadTrial:
        signal = _start_signal(self.plan, self.server.url)
        before = self.server.cpu_s()
        self.server.expect_long_log()
        self.client.send(signal)
        self._follow(signal.trial_timeout_s)
        exit_reason = "" if self._done or self._interrupted else self.client.exit_reason()
        after = self.server.cpu_s()
        self._read_log(LOG_PATIENCE_S)
        server_cpu_s = None if before is None or after is None else after - before
        return self._trial(ready, self._tally.finish(), exit_reason, server_cpu_s)

    def _follow(self, timeout_s: float) -> None:
        """Count what arrives until the load is over, and look at the figures at intervals."""
        next_look = monotonic()
        for message in self.client.messages(timeout_s):
            match message:
                case protocol.Batch():
                    if self._zero_ns is None:
                        self._zero_ns = message.t_ns
                    self._last_ns = max(self._last_ns, message.t_ns)
                    self._tally.add_batch(message)
                case protocol.Sample():
                    self._usage.add(message, begun=self._zero_ns is not None)
                case protocol.Done():
                    self._done = message
            if self.interruptions.count:
                self._interrupted = True
                self._end_early(LEAVE_S)
            if self.interruptions.count > 1:
                return  # the user does not want to wait
            if monotonic() >= next_look:
                next_look = monotonic() + LOOK_EVERY_S
                self._look()

    def _look(self) -> None:
        self._read_log(0)
        now = self._tally.now(self._last_ns)  # by the clock of the engine's kernel, which may not be ours
        self.progress.show(now)
        running = self.plan.duration_s is None or now.elapsed_s < self.plan.duration_s
        if self.server.has_ended():
            self._end_early(LEAVE_S)
        elif running and self.should_stop(now):
            self._end_early(self.plan.timeout_s + LEAVE_S)  # the figures include the requests in flight

    def _end_early(self, patience_s: float) -> None:
        if patience_s < self._patience_s:
            self._patience_s = patience_s
            self.client.send(protocol.Cease(patience_s))

    def _read_log(self, patience_s: float) -> None:
        missing = self._tally.unlogged() if patience_s else ()
        self._tally.add_logged(self.server.logged_requests(self.plan.key, missing, patience_s))

    def _trial(self, ready: protocol.Ready, totals: Totals, exit_reason: str, server_cpu_s: float | None) -> LoadTrial:
        plan, done, usage = self.plan, self._done, self._usage
        outcome, error = self._outcome(totals, exit_reason)
        makespan_s = totals.last_end_s if totals.last_answer_s is None else totals.last_answer_s
        zero_ns = self._zero_ns or 0
        resources = Resources(
            cpu_s=usage.cpu_s,
            whole_cpu_s=done.cpu_s if done else None,
            machine_cpu_s=done.machine_cpu_s if done else None,
            server_cpu_s=server_cpu_s,
            cpus=done.cpus if done else None,
            makespan_s=makespan_s,
            socket_points=tuple(((t_ns - zero_ns) / 1e9, n) for t_ns, n in zip(*usage.in_flight, strict=True)),
            ended_early=self._patience_s < inf,
            lasted_s=(done.end_ns - done.start_ns) / 1e9 if done else None,
        )
        return LoadTrial(
            plan=plan,
            outcome=outcome,
            error=error,
            python=ready.python,
            cold_start_s=ready.cold_start_s,
            makespan_s=makespan_s,
            counts=totals.counts,
            latency=totals.latency,
            response=totals.response,
            percentiles=totals.percentiles,
            throughput_per_s=totals.counts.ok / max(makespan_s, self._duration_s(totals)) if makespan_s else None,
            max_in_flight=totals.max_in_flight,
            server_max_in_flight=totals.server.max_in_flight,
            threads_peak=usage.threads_peak,
            processes_peak=usage.processes_peak,
            cpu_s=usage.cpu_s,
            peak_memory_bytes=usage.memory_peak,
            errors=totals.errors,
            seconds=totals.seconds,
            checks=check_load(plan, totals, resources),
            last_lines=(done.last_lines if done else self.client.last_lines) if outcome != "ok" else (),
        )

    def _duration_s(self, totals: Totals) -> float:
        """The duration of a load that ended by its duration, and else 0. A sparse load's last answer may be earlier."""
        plan, done = self.plan, self._done
        completed = done is not None and done.outcome == "ok" and self._patience_s == inf
        if plan.duration_s is None or not completed or totals.counts.arrivals == plan.requests:
            return 0.0
        return plan.duration_s

    def _outcome(self, totals: Totals, exit_reason: str) -> tuple[Outcome, str | None]:
        if self._interrupted:
            return "interrupted", None
        with suppress(EngineGone):
            if self.server.has_ended():
                return "crashed", "the slow server ended during the load"
        if self._done is None or self._done.outcome != "ok":
            return (self._done.outcome, self._done.error) if self._done else ("crashed", exit_reason)
        counts = totals.counts
        if counts.arrivals == 0:
            return "failed", "no request was due in that time"
        if counts.failed:
            return "failed", f"{counts.failed} of {counts.begun} requests failed: {totals.errors[0][0]}"
        return "ok", None


def _start_signal(plan: LoadPlan, server_url: str) -> protocol.Load:
    shape = {"spawn_rate": None, "rate": None, "arrivals": None, "seed": 0} | asdict(plan.shape)
    longest_s = LONGEST_S if plan.duration_s is None else plan.duration_s
    return protocol.Load(
        url=f"{server_url}/{plan.key}",
        duration_s=plan.duration_s,
        requests=plan.requests,
        processes=plan.processes,
        timeout_s=plan.timeout_s,
        trial_timeout_s=longest_s + 2 * plan.timeout_s + STARTING_S,
        **shape,
    )
