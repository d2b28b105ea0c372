"""From options to a plan: every trial, validated, in a seeded and interleaved order, before anything starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, product
from random import Random

from clients.harness.catalogue import Approach
from labkit.errors import UsageError
from labkit.ideal import ideal_s
from labkit.model import BASELINE, Block, GridPoint, Load, Plan, PlannedTrial, ServerConfig, WorkerClass


@dataclass(frozen=True, slots=True)
class Grid:
    """The axes of a comparison; every combination is run `repeat` times. An empty `limits` means: one per slot.

    Each body costs `handle_s` of processor time; the machine has `cpus` processors. With `trace` every approach is run
    once more at every grid point, watched closely.
    """

    requests: Sequence[int]
    workers: Sequence[int]
    worker_classes: Sequence[WorkerClass]
    worker_threads: Sequence[int]
    delays_s: Sequence[float]
    limits: Sequence[int]
    repeat: int
    trial_timeout_s: float | None
    handle_s: float = 0.0
    cpus: int = 1
    trace: bool = False


def make_plan(approaches: Mapping[str, Approach], grid: Grid, seed: int) -> Plan:
    """The plan for `approaches` (name to description) on `grid`.

    A block is one repeat at one grid point. Repeats are the outer loop and the order within each is shuffled, blocks
    as well as approaches: what drifts with time then falls on all alike (a randomised complete block design). Raises
    `UsageError` when no combination is possible.
    """
    points, left_out = _points(grid)
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


def _points(grid: Grid) -> tuple[list[GridPoint], list[str]]:
    points: dict[GridPoint, None] = {}
    left_out: dict[str, None] = {}
    axes = product(grid.workers, grid.worker_classes, grid.worker_threads, grid.delays_s, grid.requests)
    for workers, worker_class, worker_threads, delay_s, requests in axes:
        if worker_threads > 1 and worker_class != "gthread":
            left_out[f"{worker_class} workers with {worker_threads} threads (only gthread has threads)"] = None
            continue
        server = ServerConfig(workers, worker_class, worker_threads, delay_s)
        default = min(requests, workers * worker_threads)
        for limit in grid.limits or (default,):
            if limit > requests:
                left_out[f"limit {limit} with {requests} requests (more than there are to send)"] = None
            else:
                points[GridPoint(server, Load(requests, limit, handle_s=grid.handle_s))] = None
    return list(points), list(left_out)


def _trial(approach: Approach, point: GridPoint, repeat: int, order: int, grid: Grid) -> PlannedTrial:
    requests, delay_s, handle_s = point.load.requests, point.server.delay_s, point.load.handle_s
    bound = approach.bound(requests, point.load.limit)
    cores = approach.cores(bound, grid.cpus)
    one_by_one_s = requests * (delay_s + handle_s)
    return PlannedTrial(
        approach=approach.name,
        point=point,
        repeat=repeat,
        order=order,
        bound=bound,
        ideal_s=ideal_s(requests, delay_s, point.server.slots, bound, handle_s=handle_s, cores=cores),
        # Twice what one request after another takes, and some for starting: only a hang takes longer.
        timeout_s=grid.trial_timeout_s if grid.trial_timeout_s is not None else 10 + 2 * one_by_one_s,
    )
