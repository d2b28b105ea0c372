"""A load from its document: the inverse of `labkit.results.load_document.document`.

As in `labkit.results.read_comparison`, the types are those of the document where it differs from the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from msgspec.json import Decoder

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
from labkit.results.read_comparison import shared_fields


@dataclass(frozen=True, slots=True)
class SavedLoad:
    """A closed or an open load; values that do not apply are null."""

    mode: Literal["closed", "open"]
    users: int
    spawn_rate: float | None
    rate: float | None
    arrivals: Arrivals | None
    duration_s: float | None
    requests: int | None
    timeout_s: float
    processes: int

    def __post_init__(self) -> None:
        """Raises ValueError, to which msgspec adds the place."""
        if None in ((self.spawn_rate,) if self.mode == "closed" else (self.rate, self.arrivals)):
            raise ValueError(f"Incomplete {self.mode} load")

    def shape(self, seed: int) -> Closed | Open:
        """Return the load in its form in the model."""
        if self.spawn_rate is not None and self.mode == "closed":
            return Closed(self.users, self.spawn_rate)
        assert self.rate is not None and self.arrivals is not None  # noqa: PT018 - as validated
        return Open(self.rate, self.arrivals, seed, self.users)


@dataclass(frozen=True, slots=True)
class SavedError:
    """One kind of error, and how often it occurred."""

    what: str
    count: int


@dataclass(frozen=True, slots=True)
class SavedLoadTrial:
    """Planned and measured values on one level."""

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


DOCUMENT, TRIAL = Decoder(SavedLoadRun), Decoder(SavedLoadTrial)


def decode_load(data: bytes) -> LoadRun:
    """Decode a document. Raises ValueError, or RecursionError for one nested too deeply."""
    return restore(DOCUMENT.decode(data))


def restore(saved: SavedLoadRun) -> LoadRun:
    """Restore the load."""
    return LoadRun(
        **shared_fields(saved, LoadRun)
        | {
            "trials": tuple(_trial(trial, saved.seed) for trial in saved.trials),
            "verdicts": saved.thresholds,
            "notices": saved.warnings,
        }
    )


def _trial(saved: SavedLoadTrial, seed: int) -> LoadTrial:
    load = saved.load
    plan = LoadPlan(
        order=saved.order,
        server=saved.server,
        shape=load.shape(seed),
        duration_s=load.duration_s,
        requests=load.requests,
        processes=load.processes,
        timeout_s=load.timeout_s,
    )
    return LoadTrial(
        **shared_fields(saved, LoadTrial)
        | {
            "plan": plan,
            "counts": Counts(**shared_fields(saved, Counts)),
            "latency": saved.latency_s,
            "response": saved.response_s,
            "errors": tuple((error.what, error.count) for error in saved.errors),
        }
    )
