"""The plan: configurations, trials and their order."""

from __future__ import annotations

from dataclasses import astuple, dataclass, field, replace
from typing import Literal, get_args

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

    @property
    def conflict(self) -> str | None:
        """The reason why no server can have this configuration; None if it is valid."""
        if self.worker_threads > 1 and self.worker_class != "gthread":
            return f"{self.worker_class} workers with {self.worker_threads} threads (only gthread has threads)"
        return None


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
        """The sort key of grid points; None comes first."""
        load = tuple(value or 0 for value in astuple(self.load))
        return self.scenario != "baseline", self.scenario, self.server, load, self.python or ""


def label(approach: str, python: str | None) -> str:
    """Name the approach, with its interpreter if it runs on a requested one."""
    return approach if python is None else f"{approach} on {python}"


@dataclass(frozen=True, slots=True)
class PlannedTrial:
    """One approach, to be run once.

    `order` counts all trials of the comparison from 1. `bound` is the most requests that the approach may have in
    flight here, and `ideal_s` the shortest makespan that this allows. A `traced` trial is watched closely, which may
    slow it: it is never ranked. `ideal_without_gil_s` is the ideal on an interpreter without a GIL, where that differs;
    saved plans do not have it.
    """

    approach: str
    point: GridPoint
    repeat: int
    order: int
    bound: int
    ideal_s: float
    timeout_s: float
    traced: bool = False
    ideal_without_gil_s: float | None = field(default=None, compare=False)

    def on_interpreter(self, *, gil: bool) -> PlannedTrial:
        """This trial with the ideal of an interpreter that has a GIL or none."""
        ideal_s = self.ideal_s if gil or self.ideal_without_gil_s is None else self.ideal_without_gil_s
        return replace(self, ideal_s=ideal_s, ideal_without_gil_s=None)

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
