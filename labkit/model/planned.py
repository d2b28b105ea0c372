"""The plan: configurations, trials and their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from labkit.model.errors import UsageError
from server.behaviour import PLAIN, Behaviour

WorkerClass = Literal["sync", "gthread", "gevent", "asgi"]
WORKER_CLASSES: tuple[WorkerClass, ...] = get_args(WorkerClass)
# Locust's row: compared with the approaches, and never ranked among them.
BASELINE = "locust"


@dataclass(frozen=True, slots=True, order=True)
class ServerConfig:
    """The configuration of the slow server."""

    workers: int
    worker_class: WorkerClass
    worker_threads: int
    delay_s: float
    behaviour: Behaviour = PLAIN

    @property
    def slots(self) -> int | None:
        """The most requests that the server serves at once; None if it sets no bound."""
        return self.workers * self.worker_threads if self.worker_class in {"sync", "gthread"} else None


def require_threads(worker_class: str, worker_threads: int) -> None:
    """Raises `UsageError` for threads in workers that have none."""
    if worker_threads > 1 and worker_class != "gthread":
        raise UsageError(
            f"--worker-threads {worker_threads} with --worker-class {worker_class}: only gthread has threads",
            "Add --worker-class gthread.",
        )


@dataclass(frozen=True, slots=True)
class Load:
    """The work of every approach; `handle_s` is the processor time that each body costs it.

    Approaches that accept them get `timeout_s` and `rate` (requests per second); None means no timeout or rate.
    """

    requests: int
    limit: int
    timeout_s: float | None = None
    handle_s: float = 0.0
    rate: float | None = None


@dataclass(frozen=True, slots=True)
class GridPoint:
    """One configuration; approaches are compared with each other within it.

    `python` is the requested interpreter or base image, None for the lab's own.
    """

    server: ServerConfig
    load: Load
    scenario: str = "baseline"
    python: str | None = None

    @property
    def place(self) -> tuple[object, ...]:
        """What grid points are sorted by: what there is none of comes first."""
        load = (self.load.requests, self.load.limit, self.load.timeout_s or 0, self.load.handle_s, self.load.rate or 0)
        return self.scenario != "baseline", self.scenario, self.server, load, self.python or ""


def label(approach: str, python: str | None) -> str:
    """Name the approach, with its interpreter if it runs on a requested one."""
    return approach if python is None else f"{approach} on {python}"


@dataclass(frozen=True, slots=True)
class PlannedTrial:
    """One approach, to be run once.

    `order` counts all trials of the comparison from 1. `bound` is the most requests that the approach may have in
    flight here, and `ideal_s` the shortest makespan that this allows. A `traced` trial is watched closely, which may
    slow it: it is never ranked.
    """

    approach: str
    point: GridPoint
    repeat: int
    order: int
    bound: int
    ideal_s: float
    timeout_s: float
    traced: bool = False

    @property
    def label(self) -> str:
        return label(self.approach, self.point.python)

    @property
    def key(self) -> str:
        """Marks this trial's requests on the wire and in the server's log."""
        return f"t{self.order}"


@dataclass(frozen=True, slots=True)
class Block:
    """The trials of one repeat at one grid point: they share a server, and their clients start side by side."""

    point: GridPoint
    trials: tuple[PlannedTrial, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """All trials in their order. `left_out` names the impossible combinations, each with its reason."""

    blocks: tuple[Block, ...]
    approaches: tuple[str, ...]
    seed: int
    left_out: tuple[str, ...] = ()

    @property
    def trials(self) -> tuple[PlannedTrial, ...]:
        return tuple(trial for block in self.blocks for trial in block.trials)

    @property
    def points(self) -> tuple[GridPoint, ...]:
        """The grid points, each once, in their natural order."""
        return tuple(sorted({block.point for block in self.blocks}, key=lambda point: point.place))
