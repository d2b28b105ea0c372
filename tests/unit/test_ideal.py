"""The ideal equals the makespan of a greedy schedule, and no schedule is shorter than the lower bound."""

from __future__ import annotations

from heapq import heapify, heapreplace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.model import Load, ServerConfig
from labkit.plan.ideal import attempts_s, ideal_s, ideal_under_s, shortest_s
from server.behaviour import Behaviour

COUNTS = st.integers(1, 60)
DELAYS = st.floats(0.001, 60)


def greedy_s(requests, delay_s, slots, bound):
    """The makespan when each request starts as soon as the client may send it and a slot is free for it."""
    clients = [0.0] * bound
    servers = [0.0] * (requests if slots is None else slots)
    heapify(clients)
    heapify(servers)
    end_s = 0.0
    for _ in range(requests):
        end_s = max(clients[0], servers[0]) + delay_s
        heapreplace(clients, end_s)
        heapreplace(servers, end_s)
    return end_s


@given(COUNTS, DELAYS, st.none() | COUNTS, COUNTS)
def test_the_ideal_is_the_makespan_of_a_greedy_schedule(requests, delay_s, slots, bound):
    assert ideal_s(requests, delay_s, slots, bound) == pytest.approx(greedy_s(requests, delay_s, slots, bound))


@pytest.mark.parametrize(
    ("requests", "slots", "bound", "rounds"),
    [(9, 3, 1, 9), (9, 3, 3, 3), (9, 3, 9, 3), (9, None, 9, 1), (9, None, 4, 3), (10, 3, 10, 4), (1, 64, 1, 1)],
)
def test_the_ideal_is_rounds_of_one_delay_each(requests, slots, bound, rounds):
    assert ideal_s(requests, 0.5, slots, bound) == rounds * 0.5


def test_without_a_delay_the_ideal_is_zero():
    assert ideal_s(9, 0.0, 3, 3) == 0.0


@pytest.mark.parametrize(
    ("requests", "delay_s", "slots", "bound"),
    [(0, 1, 3, 3), (9, -0.1, 3, 3), (9, 1, 0, 3), (9, 1, 3, 0)],
)
def test_an_invalid_configuration_has_no_ideal(requests, delay_s, slots, bound):
    with pytest.raises(ValueError, match="no ideal"):
        ideal_s(requests, delay_s, slots, bound)


def shortest_by_search(requests, delay, places, handle, cores):
    """The least makespan of any schedule in whole ticks: a search of all states, tick by tick.

    In each tick the client sends any number of requests for which there is a place, and each core advances any body.
    """
    states = {(requests, (), ())}  # requests not sent, the ticks left of those sent, and of the bodies to handle
    ticks = 0
    while (0, (), ()) not in states:
        states = {after for state in states for after in next_states(state, delay, places, handle, cores)}
        ticks += 1
    return ticks


def next_states(state, delay, places, handle, cores):
    unsent, served, bodies = state
    for sent in range(min(unsent, places - len(served)) + 1):
        left = [ticks - 1 for ticks in (*served, *[delay] * sent)]
        arrived = left.count(0)
        for advanced in combinations(range(len(bodies)), min(cores, len(bodies))):
            work = [ticks - (number in advanced) for number, ticks in enumerate(bodies)]
            still = [ticks for ticks in [*work, *[handle] * arrived] if ticks]
            yield unsent - sent, tuple(sorted(filter(None, left))), tuple(sorted(still))


SMALL = st.integers(1, 3)


@given(st.integers(1, 6), SMALL, st.integers(1, 4), SMALL, SMALL)
def test_no_schedule_with_handling_is_shorter_than_the_ideal(requests, delay, places, handle, cores):
    least = shortest_by_search(requests, delay, min(places, requests), handle, cores)
    ideal = ideal_s(requests, float(delay), places, requests, handle_s=float(handle), cores=cores)
    assert ideal <= least + 1e-9
    if cores == 1:
        assert ideal == pytest.approx(least)


@given(st.tuples(COUNTS, DELAYS, st.none() | COUNTS, COUNTS), st.floats(0, 10), st.integers(1, 64))
def test_handling_lengthens_the_ideal_and_cores_never_do(load, handle_s, cores):
    requests, delay_s, rounds_s = load[0], load[1], ideal_s(*load)
    found = ideal_s(*load, handle_s=handle_s, cores=cores)
    assert found >= rounds_s + handle_s
    assert found >= delay_s + requests * handle_s / cores
    assert ideal_s(*load, handle_s=handle_s, cores=cores + 1) <= found


@pytest.mark.parametrize(("cores", "expected_s"), [(1, 9.0), (2, 5.0), (4, 3.0), (8, 2.0)])
def test_handling_begins_after_the_first_round(cores, expected_s):
    assert ideal_s(8, 1.0, 8, 8, handle_s=1.0, cores=cores) == expected_s


# Under a scenario.

JOBS = st.lists(st.floats(0.01, 10), min_size=1, max_size=30)


@given(JOBS, st.integers(1, 12))
def test_no_schedule_is_shorter_than_the_bound(jobs, machines):
    ends = [0.0] * machines
    for job in sorted(jobs, reverse=True):  # the longest first, each to the machine that is free first
        heapreplace(ends, ends[0] + job)
    longest_first_s, bound_s = max(ends), shortest_s(jobs, machines)
    assert bound_s <= longest_first_s * (1 + 1e-9)
    assert bound_s >= max(jobs)
    assert bound_s >= sum(jobs) / machines * (1 - 1e-9)


@given(COUNTS, DELAYS, COUNTS)
def test_for_jobs_of_equal_length_the_bound_is_whole_rounds(requests, delay_s, machines):
    assert shortest_s([delay_s] * requests, machines) == pytest.approx(ideal_s(requests, delay_s, machines, requests))


def under(behaviour, *, requests=30, workers=3, bound=30, delay_s=0.3, timeout_s=2.0):
    server = ServerConfig(workers, "sync", 1, delay_s, behaviour)
    return ideal_under_s(server, Load(requests, bound, timeout_s=timeout_s), bound)


@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 60), DELAYS)
def test_without_faults_the_ideal_is_the_usual_one(requests, workers, bound, delay_s):
    expected = ideal_s(requests, delay_s, workers, bound)
    found = under(Behaviour(seed=7), requests=requests, workers=workers, bound=bound, delay_s=delay_s, timeout_s=None)
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("behaviour", "expected_s"),
    [
        (Behaviour(hang=1), (27 * 0.3 + 3 * 2.0) / 3),  # each of three requests that hang costs one timeout
        (Behaviour(rate=5.0, burst=3), (30 - 3) / 5 + 0.3),
        (Behaviour(restart_at=5, away_s=2.0), (30.5 * 0.3) / 3 + 2.0),
    ],
)
def test_the_ideal_of_the_best_client(behaviour, expected_s):
    assert under(behaviour) == pytest.approx(expected_s, rel=0.02)


@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_failures_and_spread_never_lower_the_bound_below_the_work(seed, fail):
    behaviour = Behaviour(seed=seed, fail=fail, spread=0.5)
    server, load = ServerConfig(3, "sync", 1, 0.3, behaviour), Load(30, 30)
    attempts = [each for number in range(1, 31) for each in attempts_s(server, load, number)]
    assert under(behaviour, timeout_s=None) >= sum(attempts) / 3 - 1e-9
    assert len(attempts) >= 30 + 3 * fail  # a retry follows each failed attempt
