"""Plan a comparison: every trial, validated, in a seeded and interleaved order, before anything starts."""

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


@dataclass(frozen=True, slots=True)
class Grid:
    """The axes of a comparison; every combination is run `repeat` times.

    An axis that is empty, or None, has the value of the scenario. Each body costs `handle_s` of processor time.
    `pythons` are interpreters or base images; None is the lab's own. With `trace` every approach is run once more at
    every grid point, with its threads and tasks recorded.
    """

    workers: Sequence[int]
    worker_classes: Sequence[WorkerClass]
    worker_threads: Sequence[int]
    requests: Sequence[int] = ()
    delays_s: Sequence[float] = ()
    limits: Sequence[int] = ()
    pythons: Sequence[str | None] = (None,)
    scenarios: Mapping[str, Scenario] = field(default_factory=lambda: {"baseline": Scenario("", "")})
    handle_s: float | None = None
    repeat: int = 1
    trial_timeout_s: float | None = None
    trace: bool = False


def make_plan(approaches: Mapping[str, Approach], grid: Grid, seed: int, cpus: int = 1) -> Plan:
    """Plan the trials of `approaches` (name to description) on `grid`, with the ideals on `cpus` processors.

    A block is one repeat at one grid point. Repeats are the outer loop; within each, blocks and the approaches in them
    are shuffled, so that drift over time affects all alike (a randomised complete block design). Raises `UsageError`
    when no combination is possible.
    """
    combinations = dict.fromkeys(_combinations(grid, seed))
    points = [each for each in combinations if isinstance(each, GridPoint)]
    left_out = tuple(each for each in combinations if isinstance(each, str))
    if not points:
        raise UsageError(f"nothing to run: {'; '.join(left_out)}")
    random = Random(seed)
    orders = count(1)

    def block(point: GridPoint, repeat: int, names: Sequence[str], *, traced: bool = False) -> Block:
        timeout_s = grid.trial_timeout_s or grid.scenarios[point.scenario].trial_timeout_s or _patience_s(point)
        return Block(
            point,
            tuple(
                PlannedTrial(name, point, repeat, next(orders), bound=0, ideal_s=0, timeout_s=timeout_s, traced=traced)
                for name in random.sample(names, len(names))
            ),
        )

    blocks = [
        block(point, repeat, list(approaches))
        for repeat in range(1, grid.repeat + 1)
        for point in random.sample(points, len(points))
    ]
    if grid.trace:  # last, so that the ranked trials are the same as without
        traced = [name for name in approaches if name != BASELINE]
        blocks += [block(point, 1, traced, traced=True) for point in points]
    return adapt_plan(Plan(tuple(blocks), tuple(approaches), seed, left_out), approaches, cpus)


def adapt_plan(plan: Plan, approaches: Mapping[str, Approach], cpus: int) -> Plan:
    """The same trials in the same order, with the bounds and ideals of `approaches` on `cpus` processors."""

    def adapt(block: Block) -> Block:
        return Block(block.point, tuple(_fit(trial, approaches[trial.approach], cpus) for trial in block.trials))

    return replace(plan, blocks=tuple(map(adapt, plan.blocks)))


def _combinations(grid: Grid, seed: int) -> Iterator[GridPoint | str]:
    """Each combination of the axes as a grid point, or the reason why it is impossible."""
    for name, scenario in grid.scenarios.items():
        behaviour = scenario.behaviour if scenario.behaviour.plain else replace(scenario.behaviour, seed=seed)
        for workers, worker_class, threads, delay_s, requests, limit, python in product(
            grid.workers,
            grid.worker_classes,
            grid.worker_threads,
            grid.delays_s or (scenario.delay_s,),
            grid.requests or scenario.requests,
            grid.limits or (None,),
            grid.pythons,
        ):
            server = ServerConfig(workers, worker_class, threads, delay_s, behaviour)
            load = Load(
                requests,
                limit or min(requests, scenario.limit or workers * threads),
                timeout_s=scenario.timeout_s,
                handle_s=scenario.handle_s if grid.handle_s is None else grid.handle_s,
                rate=behaviour.rate or None,
            )
            yield _conflict(server, load, name) or GridPoint(server, load, name, python)


def _conflict(server: ServerConfig, load: Load, scenario: str) -> str | None:
    if server.conflict is not None:
        return server.conflict
    if server.worker_class == "asgi" and not server.behaviour.plain:
        return f"asgi workers in the scenario {scenario} (its faults need sync, gthread or gevent workers)"
    if load.limit > load.requests:
        return f"limit {load.limit} with {load.requests} requests (the limit is larger)"
    return None


def _fit(trial: PlannedTrial, approach: Approach, cpus: int) -> PlannedTrial:
    point = trial.point
    bound = approach.bound(point.load.requests, point.load.limit)
    handle_s = point.load.handle_s if "handle" in approach.keywords else 0.0
    return replace(
        trial,
        bound=bound,
        ideal_s=_ideal_s(point, bound, handle_s, approach.cores(bound, cpus)),
        ideal_without_gil_s=_ideal_s(point, bound, handle_s, min(bound, cpus)) if handle_s else None,
    )


def _ideal_s(point: GridPoint, bound: int, handle_s: float, cores: int) -> float:
    """`handle_s` is 0 for an approach that handles no bodies, such as the baseline."""
    server, load = point.server, point.load
    if server.behaviour.plain:
        return ideal_s(load.requests, server.delay_s, server.slots, bound, handle_s=handle_s, cores=cores)
    return max(ideal_under_s(server, load, bound), load.requests * handle_s / cores)


def _patience_s(point: GridPoint) -> float:
    """The time after which a trial hangs: twice the time of one request after another, and 10 s to start."""
    server, load = point.server, point.load
    served_s = sum(sum(attempts_s(server, load, number)) for number in range(1, load.requests + 1))
    paced_s = load.requests / server.behaviour.rate if server.behaviour.rate else 0.0
    return 10 + 2 * (max(served_s, paced_s) + server.behaviour.away_s + load.requests * load.handle_s)
