"""Runs one load: server and load generator up, the start signal, and then everything counted as it comes."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from time import monotonic

from clients.harness import protocol
from labkit.load.checks import Resources, check_load
from labkit.load.display import Display
from labkit.load.rows import RowsFile
from labkit.load.tally import Tally
from labkit.load.totals import Totals
from labkit.model import Outcome
from labkit.model.errors import EngineGone, Interrupted, LabError, UsageError
from labkit.model.load import Closed, LoadPlan, LoadTrial, Now, Open, requests_file
from labkit.runtime import Runtime
from labkit.runtime.client import Client
from labkit.runtime.server import Server
from labkit.system.interrupts import InterruptCounter, count_interrupts, raise_if_interrupted

GENERATOR = "load"  # as compose.yaml and the harness call it
LOOK_EVERY_S = 0.25
# How long the server's log may lag behind the clients once a load is over.
LOG_PATIENCE_S = 2.0
# What is in flight when a person or a threshold ends a load early may take so long to come to its end.
LEAVE_S = 1.0
# What a load may take beyond its duration and its requests' timeout, and at all where only its requests are counted.
STARTING_S, LONGEST_S = 60.0, 86_400.0

Watch = Callable[[Now], bool]
Warn = Callable[[LabError], None]


@dataclass(slots=True)
class _Seen:
    """What the sampler saw of the load generator from outside."""

    threads_peak: int | None = None
    processes_peak: int | None = None
    memory_peak: int | None = None
    in_flight: tuple[array[int], array[int]] = field(default_factory=lambda: (array("q"), array("q")))
    _cpu_before_s: float | None = None
    _cpu_after_s: float | None = None

    @property
    def cpu_s(self) -> float | None:
        """Processor seconds from the load's zero on; what starting Locust's workers took came before."""
        if self._cpu_before_s is None or self._cpu_after_s is None:
            return None
        return self._cpu_after_s - self._cpu_before_s

    def take(self, sample: protocol.Sample, *, begun: bool) -> None:
        """A sample from before the load's zero, or after."""
        if begun:  # one that was killed is seen with less in the end
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


def run_load(
    plan: LoadPlan, runtime: Runtime, display: Display, folder: Path, *, watch: Watch, warn: Warn
) -> LoadTrial:
    """Run `plan`, and keep its rows in `folder`; as soon as `watch` holds for the figures so far, end it early.

    `warn` is told when the disk takes no more rows.

    Raises `MachineError` when it cannot be started, and `Interrupted`, whose `trial` is what was measured until then.
    """
    server = runtime.server(plan.server)
    client = runtime.client(GENERATOR)
    ready = _start(server, client)
    raise_if_interrupted()
    with count_interrupts() as interruptions:
        rows = RowsFile(folder / requests_file(plan))
        try:
            load = _Load(plan, server, client, rows, interruptions, display=display, watch=watch)
            trial = load.run(ready)
        finally:
            rows.close()
            if rows.failure is not None:
                warn(rows.failure)
            with suppress(EngineGone):
                client.kill()
    if interruptions.count:
        raise LoadInterrupted(trial)
    return trial


class LoadInterrupted(Interrupted):
    """A person ended the load; `trial` is what was measured of it."""

    def __init__(self, trial: LoadTrial) -> None:
        super().__init__(f"interrupted after {trial.counts.begun} requests")
        self.trial = trial


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


class _Load:
    """One load under way."""

    def __init__(
        self,
        plan: LoadPlan,
        server: Server,
        client: Client,
        rows: RowsFile,
        interruptions: InterruptCounter,
        *,
        display: Display,
        watch: Watch,
    ) -> None:
        self._plan, self._server, self._client, self._display, self._watch = plan, server, client, display, watch
        self._interruptions = interruptions
        self._tally = Tally(plan, rows.add)
        self._seen = _Seen()
        self._zero_ns: int | None = None
        self._told_ns = 0
        self._done: protocol.Done | None = None
        self._patience_s = inf  # with what is on its way, once the load was ended early
        self._interrupted = False

    def run(self, ready: protocol.Ready) -> LoadTrial:
        signal = start_signal(self._plan, self._server.url)
        cpu_before = self._server.cpu_s()
        self._server.expect_long_log()
        self._client.send(signal)
        self._follow(signal.trial_timeout_s)
        how = "" if self._done or self._interrupted else self._client.exit_reason()
        cpu_after = self._server.cpu_s()
        self._take_log(LOG_PATIENCE_S)
        self._tally.finish()
        used = None if cpu_before is None or cpu_after is None else cpu_after - cpu_before
        return self._trial(ready, how, used)

    def _follow(self, timeout_s: float) -> None:
        """Take what comes until the load is over, and look at it now and then."""
        next_look = monotonic()
        for message in self._client.messages(timeout_s):
            match message:
                case protocol.Batch():
                    if self._zero_ns is None:
                        self._zero_ns = message.t_ns
                    self._told_ns = max(self._told_ns, message.t_ns)
                    self._tally.batch(message)
                case protocol.Sample():
                    self._seen.take(message, begun=self._zero_ns is not None)
                case protocol.Done():
                    self._done = message
            if self._interruptions.count:
                self._interrupted = True
                self._cease(LEAVE_S)
            if self._interruptions.count > 1:
                return  # a person insists
            if monotonic() >= next_look:
                next_look = monotonic() + LOOK_EVERY_S
                self._look()

    def _look(self) -> None:
        self._take_log(0)
        now = self._tally.now(self._told_ns)  # the clock of the engine's kernel, which need not be ours
        self._display.now(now)
        under_way = self._plan.duration_s is None or now.elapsed_s < self._plan.duration_s
        if self._server.has_ended():
            self._cease(LEAVE_S)
        elif under_way and self._watch(now):
            self._cease(self._plan.timeout_s + LEAVE_S)  # what has begun is part of the figures

    def _cease(self, patience_s: float) -> None:
        if patience_s < self._patience_s:
            self._patience_s = patience_s
            self._client.send(protocol.Cease(patience_s))

    def _take_log(self, patience_s: float) -> None:
        wanted = self._tally.unlogged() if patience_s else ()
        self._tally.served(self._server.logged_requests(self._plan.key, wanted, patience_s))

    def _trial(self, ready: protocol.Ready, how: str, server_cpu_s: float | None) -> LoadTrial:
        plan, done, totals = self._plan, self._done, self._tally.totals()
        outcome, error = self._outcome(totals, how)
        makespan_s = totals.last_end_s if totals.last_answer_s is None else totals.last_answer_s
        zero_ns = self._zero_ns or 0
        resources = Resources(
            cpu_s=self._seen.cpu_s,
            whole_cpu_s=done.cpu_s if done else None,
            machine_cpu_s=done.machine_cpu_s if done else None,
            server_cpu_s=server_cpu_s,
            cpus=done.cpus if done else None,
            makespan_s=makespan_s,
            socket_points=tuple(((t_ns - zero_ns) / 1e9, n) for t_ns, n in zip(*self._seen.in_flight, strict=True)),
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
            throughput_per_s=totals.counts.ok / max(makespan_s, self._lasted_s(totals)) if makespan_s else None,
            max_in_flight=totals.max_in_flight,
            server_max_in_flight=totals.server_max_in_flight,
            threads_peak=self._seen.threads_peak,
            processes_peak=self._seen.processes_peak,
            cpu_s=resources.cpu_s,
            peak_memory_bytes=self._seen.memory_peak,
            errors=totals.errors,
            seconds=totals.seconds,
            checks=check_load(plan, totals, resources),
            last_lines=(done.last_lines if done else self._client.last_lines) if outcome != "ok" else (),
        )

    def _lasted_s(self, totals: Totals) -> float:
        """For how long requests may have come: a sparse load's last answer may come long before its end.

        0 where something else than its duration ended it.
        """
        plan, done = self._plan, self._done
        ended_itself = done is not None and done.outcome == "ok" and self._patience_s == inf
        if plan.duration_s is None or not ended_itself or totals.counts.arrivals == plan.requests:
            return 0.0
        return plan.duration_s

    def _outcome(self, totals: Totals, how: str) -> tuple[Outcome, str | None]:
        if self._interrupted:
            return "interrupted", None
        with suppress(EngineGone):
            if self._server.has_ended():
                return "crashed", "the slow server ended during the load"
        if self._done is None or self._done.outcome != "ok":
            return (self._done.outcome, self._done.error) if self._done else ("crashed", how)
        counts = totals.counts
        if counts.arrivals == 0:
            return "failed", "not one request was due in that time"
        if counts.failed:
            return "failed", f"{counts.failed} of {counts.begun} requests failed: {totals.errors[0][0]}"
        return "ok", None


def start_signal(plan: LoadPlan, server_url: str) -> protocol.Load:
    """The start signal for `plan`, against the server at `server_url`."""
    shape = plan.shape
    longest_s = LONGEST_S if plan.duration_s is None else plan.duration_s
    return protocol.Load(
        url=f"{server_url}/{plan.key}",
        users=shape.users,
        spawn_rate=shape.spawn_rate if isinstance(shape, Closed) else None,
        rate=shape.rate if isinstance(shape, Open) else None,
        arrivals=shape.arrivals if isinstance(shape, Open) else None,
        seed=shape.seed if isinstance(shape, Open) else 0,
        duration_s=plan.duration_s,
        requests=plan.requests,
        processes=plan.processes,
        timeout_s=plan.timeout_s,
        trial_timeout_s=longest_s + 2 * plan.timeout_s + STARTING_S,
    )
