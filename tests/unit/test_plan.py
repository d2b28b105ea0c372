"""A plan holds every possible combination, as often as requested, in a seeded order."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit import scenarios
from labkit.model import GridPoint, Load, ServerConfig
from labkit.model.errors import UsageError
from labkit.plan.grid import Grid, make_plan
from server.behaviour import PLAIN
from tests import samples

APPROACHES = {name: samples.approach(name) for name in samples.DEFAULT_NAMES}
GRID = Grid(
    requests=[9],
    workers=[3],
    worker_classes=["sync"],
    worker_threads=[1],
    delays_s=[1.0],
    limits=[],
    repeat=1,
    trial_timeout_s=None,
)


def axis(*values):
    return st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True)


GRIDS = st.builds(
    Grid,
    requests=axis(3, 6, 12),
    workers=axis(1, 3),
    worker_classes=axis("sync", "gthread", "gevent"),
    worker_threads=axis(1, 4),
    delays_s=axis(0.1, 1.0),
    limits=st.just([]) | axis(2, 6, 9),
    repeat=st.integers(1, 3),
    trial_timeout_s=st.none(),
)


def possible(grid):
    """The possible grid points, computed independently."""
    found = set()
    axes = product(grid.workers, grid.worker_classes, grid.worker_threads, grid.delays_s, grid.requests)
    for workers, kind, threads, delay_s, requests in axes:
        if threads == 1 or kind == "gthread":
            limits = grid.limits or [min(requests, workers * threads)]
            server = ServerConfig(workers, kind, threads, delay_s)
            found |= {GridPoint(server, Load(requests, limit)) for limit in limits if limit <= requests}
    return found


@given(GRIDS, st.integers(0, 2**32 - 1))
def test_every_possible_combination_is_run_once_per_repeat(grid, seed):
    points = possible(grid)
    if not points:
        with pytest.raises(UsageError):
            make_plan(APPROACHES, grid, seed)
        return
    trials = make_plan(APPROACHES, grid, seed).trials
    expected = product(APPROACHES, points, range(1, grid.repeat + 1))
    assert Counter((trial.approach, trial.point, trial.repeat) for trial in trials) == Counter(expected)


@given(GRIDS.filter(possible), st.integers(0, 2**32 - 1))
def test_trials_are_numbered_in_their_order_and_repeats_follow_each_other(grid, seed):
    trials = make_plan(APPROACHES, grid, seed).trials
    assert [trial.order for trial in trials] == list(range(1, len(trials) + 1))
    assert len({trial.key for trial in trials}) == len(trials)
    assert all(one.repeat <= other.repeat for one, other in pairwise(trials))


@given(GRIDS.filter(possible), st.integers(0, 2**32 - 1))
def test_the_trials_of_a_block_share_a_server_and_are_one_of_each_approach(grid, seed):
    for block in make_plan(APPROACHES, grid, seed).blocks:
        assert {trial.point for trial in block.trials} == {block.point}
        assert len({trial.repeat for trial in block.trials}) == 1
        assert sorted(trial.approach for trial in block.trials) == sorted(APPROACHES)


@given(GRIDS.filter(possible), st.integers(0, 2**32 - 1))
def test_a_seed_gives_the_same_plan_again(grid, seed):
    assert make_plan(APPROACHES, grid, seed) == make_plan(APPROACHES, grid, seed)


def test_another_seed_gives_another_order_of_the_same_trials():
    grid = replace(GRID, workers=[1, 3, 9], repeat=3)
    plans = [make_plan(APPROACHES, grid, seed) for seed in range(30)]
    assert len({tuple((t.approach, t.point) for t in plan.trials) for plan in plans}) == len(plans)
    assert len({frozenset((t.approach, t.point, t.repeat) for t in plan.trials) for plan in plans}) == 1


def test_no_approach_is_always_first():
    plan = make_plan(APPROACHES, replace(GRID, repeat=100), seed=1)
    assert {block.trials[0].approach for block in plan.blocks} == set(APPROACHES)
    assert {block.trials[-1].approach for block in plan.blocks} == set(APPROACHES)


def test_no_grid_point_is_always_first():
    plan = make_plan(APPROACHES, replace(GRID, workers=[1, 3, 9], repeat=30), seed=1)
    assert {block.point.server.workers for block in plan.blocks[::3]} == {1, 3, 9}


def test_approaches_keep_the_requested_order():
    assert make_plan(APPROACHES, GRID, seed=7).approaches == tuple(APPROACHES)


def test_impossible_combinations_are_left_out_and_named():
    grid = replace(GRID, requests=[3, 9], limits=[3, 6], worker_classes=["sync", "gthread"], worker_threads=[1, 4])
    plan = make_plan(APPROACHES, grid, seed=1)
    assert {block.point for block in plan.blocks} == possible(grid)
    assert len(plan.left_out) == 2  # each once, however many combinations it spoils
    threads, limit = sorted(plan.left_out, key=lambda text: "limit" in text)
    assert "sync" in threads
    assert "4 threads" in threads
    assert "limit 6" in limit
    assert "3 requests" in limit


def test_nothing_is_left_out_of_a_possible_grid():
    assert make_plan(APPROACHES, GRID, seed=1).left_out == ()


@pytest.mark.parametrize(
    ("grid", "named"),
    [
        (replace(GRID, limits=[10, 20]), ["limit 10", "limit 20", "9 requests"]),
        (replace(GRID, worker_threads=[2], worker_classes=["sync", "asgi"]), ["sync", "asgi", "2 threads"]),
    ],
)
def test_a_grid_without_a_possible_combination_is_refused(grid, named):
    with pytest.raises(UsageError) as caught:
        make_plan(APPROACHES, grid, seed=1)
    assert [text for text in named if text not in caught.value.message] == []


@pytest.mark.parametrize(
    ("workers", "threads", "requests", "limit"), [(3, 1, 9, 3), (3, 4, 9, 9), (3, 4, 100, 12), (64, 1, 5, 5)]
)
def test_the_default_limit_is_one_per_slot_and_at_most_the_requests(workers, threads, requests, limit):
    grid = replace(GRID, workers=[workers], worker_classes=["gthread"], worker_threads=[threads], requests=[requests])
    assert {trial.point.load.limit for trial in make_plan(APPROACHES, grid, seed=1).trials} == {limit}


def test_each_trial_knows_its_bound_and_its_ideal():
    grid = replace(GRID, limits=[2], delays_s=[0.5])
    trials = {trial.approach: trial for trial in make_plan(APPROACHES, grid, seed=1).trials}
    assert {name: (trial.bound, trial.ideal_s) for name, trial in trials.items()} == {
        "sync": (1, 4.5),
        "threads": (9, 1.5),
        "thread_pool": (2, 2.5),
        "asyncio_gather": (9, 1.5),
        "asyncio_semaphore": (2, 2.5),
        "process_pool": (2, 2.5),
    }


def test_on_a_server_without_a_bound_the_ideal_is_one_delay():
    plan = make_plan(APPROACHES, replace(GRID, worker_classes=["gevent"], workers=[1]), seed=1)
    assert {trial.ideal_s for trial in plan.trials if trial.approach == "asyncio_gather"} == {1.0}


def test_the_trial_timeout_is_the_requested_one_or_longer_than_one_request_after_another():
    asked = make_plan(APPROACHES, replace(GRID, trial_timeout_s=2.5), seed=1)
    assert {trial.timeout_s for trial in asked.trials} == {2.5}
    for trial in make_plan(APPROACHES, replace(GRID, requests=[3, 1000], delays_s=[0.001, 60]), seed=1).trials:
        assert trial.timeout_s > trial.point.load.requests * trial.point.server.delay_s


@pytest.mark.parametrize("repeat", [1, 3])
def test_traced_trials_are_last_and_once_per_approach_and_point(repeat):
    axes = {"workers": [1, 3], "trace": True}
    with_trace = samples.plan(["sync", "threads", "locust"], repeat=repeat, **axes)
    ranked = [trial for trial in with_trace.trials if not trial.traced]
    traced = [trial for trial in with_trace.trials if trial.traced]
    assert with_trace.trials == (*ranked, *traced)
    assert sorted((trial.approach, trial.point.server.workers) for trial in traced) == [
        (name, workers) for name in ("sync", "threads") for workers in (1, 3)
    ]
    assert tuple(ranked) == samples.plan(["sync", "threads", "locust"], repeat=repeat, workers=[1, 3]).trials
    assert [trial.order for trial in with_trace.trials] == list(range(1, len(with_trace.trials) + 1))


def test_handling_is_part_of_the_ideal_on_as_many_cores_as_there_are_gils():
    def planned_with(own_gils):
        described = replace(samples.approach("thread_pool"), own_gils=own_gils)
        grid = replace(GRID, requests=[8], workers=[8], limits=[8], handle_s=1.0)
        return make_plan({"pool": described}, grid, 1, cpus=4).trials[0]

    assert planned_with(own_gils=False).ideal_s == 9.0
    assert planned_with(own_gils=True).ideal_s == 3.0
    assert planned_with(own_gils=True).point.load.handle_s == 1.0


def test_the_ideal_depends_on_the_gil_of_the_interpreter():
    grid = replace(GRID, requests=[8], workers=[8], limits=[8], handle_s=1.0)
    names = ("sync", "threads", "thread_pool")
    plan = make_plan({name: samples.approach(name) for name in names}, grid, 1, cpus=4)
    found = {trial.approach: trial for trial in plan.trials}
    assert {name: trial.on_interpreter(gil=True).ideal_s for name, trial in found.items()} == {
        "sync": 9.0,  # one after another
        "threads": 9.0,
        "thread_pool": 9.0,
    }
    assert {name: trial.on_interpreter(gil=False).ideal_s for name, trial in found.items()} == {
        "sync": 9.0,
        "threads": 3.0,
        "thread_pool": 3.0,
    }


@pytest.mark.parametrize("scenario", ["baseline", "heavy-tail"])
def test_an_approach_that_handles_no_bodies_has_the_ideal_without_handling(scenario):
    described = {
        "threads": samples.approach("threads"),
        "mine": samples.approach("threads", keywords=frozenset()),
        "locust": samples.approach("locust"),
    }

    def ideals(handle_s):
        grid = replace(GRID, handle_s=handle_s, scenarios={scenario: scenarios.load(scenario)})
        return {
            trial.approach: (trial.ideal_s, trial.ideal_without_gil_s) for trial in make_plan(described, grid, 1).trials
        }

    handling, without = ideals(2.0), ideals(0.0)
    assert handling["threads"] > without["threads"]
    assert (handling["mine"], handling["locust"]) == (without["mine"], without["locust"])


# Scenarios.


@pytest.mark.parametrize("name", scenarios.names())
def test_a_scenario_sets_the_axes_without_an_option(name):
    scenario = scenarios.load(name)
    grid = replace(GRID, requests=(), delays_s=(), scenarios={name: scenario})
    plan = make_plan(APPROACHES, grid, 7)
    assert {trial.point.scenario for trial in plan.trials} == {name}
    assert {point.load.requests for point in plan.points} == set(scenario.requests)
    for trial in plan.trials:
        server, load = trial.point.server, trial.point.load
        assert (server.delay_s, load.timeout_s, load.handle_s) == (
            scenario.delay_s,
            scenario.timeout_s,
            scenario.handle_s,
        )
        assert server.behaviour == (PLAIN if scenario.behaviour.plain else replace(scenario.behaviour, seed=7))
        assert trial.timeout_s > trial.ideal_s
    options = make_plan(APPROACHES, replace(grid, requests=[4], delays_s=[0.7], handle_s=0.2, limits=[2]), 7)
    (point,) = options.points
    assert (point.load.requests, point.load.limit, point.load.handle_s, point.server.delay_s) == (4, 2, 0.2, 0.7)


@pytest.mark.parametrize("name", scenarios.names())
def test_asgi_workers_are_left_out_of_scenarios_with_faults(name):
    scenario = scenarios.load(name)
    grid = replace(GRID, worker_classes=["sync", "asgi"], scenarios={name: scenario})
    plan = make_plan(APPROACHES, grid, 1)
    assert {point.server.worker_class for point in plan.points} == (
        {"sync", "asgi"} if scenario.behaviour.plain else {"sync"}
    )
    assert [name in reason for reason in plan.left_out] == ([] if scenario.behaviour.plain else [True])


def test_every_interpreter_is_a_grid_point_of_its_own():
    plan = make_plan(APPROACHES, replace(GRID, pythons=(None, "python3.13t")), 1)
    assert [point.python for point in plan.points] == [None, "python3.13t"]
    assert {trial.label for trial in plan.trials if trial.point.python} == {
        f"{name} on python3.13t" for name in APPROACHES
    }
