"""From options to a plan: every trial, validated, in a seeded and interleaved order, before anything starts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count, product
from random import Random

from clients.harness.catalogue import Approach
from labkit.model import BASELINE, Block, GridPoint, Load, Plan, PlannedTrial, ServerConfig, WorkerClass
from labkit.model.errors import UsageError
from labkit.model.scenario import Scenario
from labkit.plan.ideal import attempts_s, ideal_s, ideal_under_s
from server.behaviour import Behaviour


@dataclass(frozen=True, slots=True)
class Grid:
    """The axes of a comparison; every combination is run `repeat` times.

    Of an axis that is empty, or None, each scenario says what it is to be. Each body costs `handle_s` of processor
    time; the machine has `cpus` processors. `pythons` are interpreters or base images, None the lab's own. With `trace`
    every approach is run once more at every grid point, watched closely.
    """

    workers: Sequence[int]
    worker_classes: Sequence[WorkerClass]
    worker_threads: Sequence[int]
    requests: Sequence[int] = ()
    delays_s: Sequence[float] = ()
    limits: Sequence[int] = ()
    repeat: int = 1
    trial_timeout_s: float | None = None
    handle_s: float | None = None
    cpus: int = 1
    trace: bool = False
    scenarios: Mapping[str, Scenario] = field(default_factory=lambda: {"baseline": Scenario("", "")})
    pythons: Sequence[str | None] = (None,)


def make_plan(approaches: Mapping[str, Approach], grid: Grid, seed: int) -> Plan:
    """The plan for `approaches` (name to description) on `grid`.

    A block is one repeat at one grid point. Repeats are the outer loop and the order within each is shuffled, blocks
    as well as approaches: what drifts with time then falls on all alike (a randomised complete block design). Raises
    `UsageError` when no combination is possible.
    """
    points, left_out = _points(grid, seed)
    if not points:
        raise UsageError(f"nothing to run: {'; '.join(left_out)}")
    random = Random(seed)
    blocks: list[Block] = []
    orders = count(1)

    def block(point: GridPoint, repeat: int, names: Sequence[str], *, traced: bool = False) -> Block:
        shuffled = random.sample(names, len(names))
        trials = (_trial(approaches[name], point, repeat, next(orders), grid) for name in shuffled)
        return Block(point, tuple(replace(trial, traced=traced) for trial in trials))

    for repeat in range(1, grid.repeat + 1):
        blocks += [block(point, repeat, list(approaches)) for point in random.sample(points, len(points))]
    if grid.trace:  # last, so that it changes nothing for the trials that are ranked
        traced = [name for name in approaches if name != BASELINE]
        blocks += [block(point, 1, traced, traced=True) for point in points]
    return Plan(tuple(blocks), tuple(approaches), seed, tuple(left_out))


def plan_again(plan: Plan, approaches: Mapping[str, Approach], cpus: int) -> Plan:
    """The same trials in the same order, with the bounds and ideals that `approaches` and `cpus` give them now."""

    def again(trial: PlannedTrial) -> PlannedTrial:
        approach, load = approaches[trial.approach], trial.point.load
        bound = approach.bound(load.requests, load.limit)
        return replace(trial, bound=bound, ideal_s=_ideal_s(trial.point, bound, approach.cores(bound, cpus)))

    return replace(plan, blocks=tuple(Block(block.point, tuple(map(again, block.trials))) for block in plan.blocks))


def _points(grid: Grid, seed: int) -> tuple[list[GridPoint], list[str]]:
    points: dict[GridPoint, None] = {}
    left_out: dict[str, None] = {}
    for name, scenario in grid.scenarios.items():
        behaviour = scenario.behaviour if scenario.behaviour.plain else replace(scenario.behaviour, seed=seed)
        delays_s, requests = grid.delays_s or (scenario.delay_s,), grid.requests or scenario.requests
        for server in _servers(grid, delays_s, behaviour):
            if (reason := _impossible(server, name)) is not None:
                left_out[reason] = None
                continue
            for number in requests:
                for limit in grid.limits or (_usual_limit(scenario, server, number),):
                    if limit > number:
                        left_out[f"limit {limit} with {number} requests (more than there are to send)"] = None
                        continue
                    load = _load(grid, scenario, number, limit)
                    points |= dict.fromkeys(GridPoint(server, load, name, python) for python in grid.pythons)
    return list(points), list(left_out)


def _servers(grid: Grid, delays_s: Sequence[float], behaviour: Behaviour) -> Iterator[ServerConfig]:
    axes = product(grid.workers, grid.worker_classes, grid.worker_threads, delays_s)
    return (ServerConfig(*configuration, behaviour) for configuration in axes)


def _impossible(server: ServerConfig, scenario: str) -> str | None:
    if server.worker_threads > 1 and server.worker_class != "gthread":
        return f"{server.worker_class} workers with {server.worker_threads} threads (only gthread has threads)"
    if server.worker_class == "asgi" and not server.behaviour.plain:
        return f"asgi workers in the scenario {scenario} (what it does to requests needs sync, gthread or gevent)"
    return None


def _usual_limit(scenario: Scenario, server: ServerConfig, requests: int) -> int:
    return min(requests, scenario.limit or server.workers * server.worker_threads)


def _load(grid: Grid, scenario: Scenario, requests: int, limit: int) -> Load:
    return Load(
        requests,
        limit,
        timeout_s=scenario.timeout_s,
        handle_s=scenario.handle_s if grid.handle_s is None else grid.handle_s,
        rate=scenario.behaviour.rate or None,
    )


def _trial(approach: Approach, point: GridPoint, repeat: int, order: int, grid: Grid) -> PlannedTrial:
    bound = approach.bound(point.load.requests, point.load.limit)
    usual_s = grid.scenarios[point.scenario].trial_timeout_s or 10 + 2 * _one_by_one_s(point)
    return PlannedTrial(
        approach=approach.name,
        point=point,
        repeat=repeat,
        order=order,
        bound=bound,
        ideal_s=_ideal_s(point, bound, approach.cores(bound, grid.cpus)),
        timeout_s=usual_s if grid.trial_timeout_s is None else grid.trial_timeout_s,
    )


def without_gil(planned: PlannedTrial, cpus: int) -> PlannedTrial:
    """The same trial on an interpreter that turned out to have no GIL: its threads can handle bodies side by side."""
    return replace(planned, ideal_s=_ideal_s(planned.point, planned.bound, min(planned.bound, cpus)))


def _ideal_s(point: GridPoint, bound: int, cores: int) -> float:
    server, load = point.server, point.load
    if server.behaviour.plain:
        return ideal_s(load.requests, server.delay_s, server.slots, bound, handle_s=load.handle_s, cores=cores)
    return max(ideal_under_s(server, load, bound), load.requests * load.handle_s / cores)


def _one_by_one_s(point: GridPoint) -> float:
    """What one request after another takes at least; a trial that takes twice as long, and some for starting, hangs."""
    server, load = point.server, point.load
    served_s = sum(sum(attempts_s(server, load, number)) for number in range(1, load.requests + 1))
    paced_s = load.requests / server.behaviour.rate if server.behaviour.rate else 0.0
    return max(served_s, paced_s) + server.behaviour.away_s + load.requests * load.handle_s
