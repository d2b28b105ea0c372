"""A load from its document: the inverse of `labkit.results.load_document.document`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from labkit.model import Check, Environment, Notice, Outcome, ServerConfig
from labkit.model.load import (
    Arrivals,
    Closed,
    Counts,
    Knee,
    LoadPlan,
    LoadRun,
    LoadTrial,
    Open,
    Percentiles,
    Second,
    Verdict,
)
from labkit.results.decode import DamagedError, decode


@dataclass(frozen=True, slots=True)
class SavedLoad:
    """What was asked of a load, closed or open: what does not apply is null."""

    mode: Literal["closed", "open"]
    users: int
    spawn_rate: float | None
    rate: float | None
    arrivals: Arrivals | None
    duration_s: float | None
    requests: int | None
    timeout_s: float
    processes: int


@dataclass(frozen=True, slots=True)
class SavedError:
    """One kind of error, and how often it came."""

    what: str
    count: int


@dataclass(frozen=True, slots=True)
class SavedLoadTrial:
    """A load: what was planned and what was measured, on one level."""

    order: int
    server: ServerConfig
    load: SavedLoad
    outcome: Outcome
    error: str | None
    python: str | None
    cold_start_s: float | None
    makespan_s: float | None
    arrivals: int
    begun: int
    ok: int
    failed: int
    unfinished: int
    not_begun: int
    late: int | None
    latency_s: Percentiles | None
    response_s: Percentiles | None
    percentiles: str
    throughput_per_s: float | None
    max_in_flight: int | None
    server_max_in_flight: int | None
    threads_peak: int | None
    processes_peak: int | None
    cpu_s: float | None
    peak_memory_bytes: int | None
    errors: tuple[SavedError, ...]
    seconds: tuple[Second, ...]
    last_lines: tuple[str, ...]
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class SavedLoadRun:
    """The whole document."""

    id: str
    started_at: str
    command: str
    seed: int
    environment: Environment
    trials: tuple[SavedLoadTrial, ...]
    thresholds: tuple[Verdict, ...]
    stopped: str | None
    knee: Knee | None
    warnings: tuple[Notice, ...]


def load_run_of(document: Mapping[str, Any]) -> LoadRun:
    """The load that `document` tells of; what follows from its figures is not read. Raises `Damaged`."""
    saved = decode(SavedLoadRun, document)
    return LoadRun(
        id=saved.id,
        started_at=saved.started_at,
        command=saved.command,
        seed=saved.seed,
        environment=saved.environment,
        trials=tuple(_trial(trial, saved.seed, f"trials[{number}]") for number, trial in enumerate(saved.trials)),
        verdicts=saved.thresholds,
        stopped=saved.stopped,
        knee=saved.knee,
        notices=saved.warnings,
    )


def _trial(trial: SavedLoadTrial, seed: int, where: str) -> LoadTrial:
    load = trial.load
    return LoadTrial(
        plan=LoadPlan(
            order=trial.order,
            server=trial.server,
            shape=_shape(load, seed, f"{where}.load"),
            duration_s=load.duration_s,
            requests=load.requests,
            processes=load.processes,
            timeout_s=load.timeout_s,
        ),
        outcome=trial.outcome,
        error=trial.error,
        python=trial.python,
        cold_start_s=trial.cold_start_s,
        makespan_s=trial.makespan_s,
        counts=Counts(**{field.name: getattr(trial, field.name) for field in fields(Counts)}),
        latency=trial.latency_s,
        response=trial.response_s,
        percentiles=trial.percentiles,
        throughput_per_s=trial.throughput_per_s,
        max_in_flight=trial.max_in_flight,
        server_max_in_flight=trial.server_max_in_flight,
        threads_peak=trial.threads_peak,
        processes_peak=trial.processes_peak,
        cpu_s=trial.cpu_s,
        peak_memory_bytes=trial.peak_memory_bytes,
        errors=tuple((error.what, error.count) for error in trial.errors),
        seconds=trial.seconds,
        checks=trial.checks,
        last_lines=trial.last_lines,
    )


def _shape(load: SavedLoad, seed: int, where: str) -> Closed | Open:
    if load.mode == "closed" and load.spawn_rate is not None:
        return Closed(load.users, load.spawn_rate)
    if load.mode == "open" and load.rate is not None and load.arrivals is not None:
        return Open(load.rate, load.arrivals, seed, load.users)
    raise DamagedError(f"is no {load.mode} load", where)
