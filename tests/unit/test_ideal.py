"""The ideal against a schedule that wastes nothing."""

from __future__ import annotations

from heapq import heapify, heapreplace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.ideal import ideal_s

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
def test_the_ideal_is_what_a_greedy_schedule_takes(requests, delay_s, slots, bound):
    assert ideal_s(requests, delay_s, slots, bound) == pytest.approx(greedy_s(requests, delay_s, slots, bound))


@pytest.mark.parametrize(
    ("requests", "slots", "bound", "rounds"),
    [(9, 3, 1, 9), (9, 3, 3, 3), (9, 3, 9, 3), (9, None, 9, 1), (9, None, 4, 3), (10, 3, 10, 4), (1, 64, 1, 1)],
)
def test_rounds_of_one_delay_each(requests, slots, bound, rounds):
    assert ideal_s(requests, 0.5, slots, bound) == rounds * 0.5


def test_without_a_delay_there_is_nothing_to_wait_for():
    assert ideal_s(9, 0.0, 3, 3) == 0.0


@pytest.mark.parametrize(
    ("requests", "delay_s", "slots", "bound"),
    [(0, 1, 3, 3), (9, -0.1, 3, 3), (9, 1, 0, 3), (9, 1, 3, 0)],
)
def test_a_configuration_that_is_none_has_no_ideal(requests, delay_s, slots, bound):
    with pytest.raises(ValueError, match="no ideal"):
        ideal_s(requests, delay_s, slots, bound)


@given(st.tuples(COUNTS, DELAYS, st.none() | COUNTS, COUNTS), st.floats(0, 10), st.integers(1, 64))
def test_handling_adds_to_it_and_more_cores_never_lengthen_it(load, handle_s, cores):
    requests, rounds_s = load[0], ideal_s(*load)
    found = ideal_s(*load, handle_s=handle_s, cores=cores)
    assert found >= rounds_s + handle_s
    assert found >= requests * handle_s / cores
    assert found in {rounds_s + handle_s, requests * handle_s / cores}
    assert ideal_s(*load, handle_s=handle_s, cores=cores + 1) <= found


@pytest.mark.parametrize(("cores", "expected_s"), [(1, 8.0), (2, 4.0), (4, 2.0), (8, 2.0)])
def test_work_on_one_core_takes_longer_than_the_rounds_where_there_is_much_of_it(cores, expected_s):
    assert ideal_s(8, 1.0, 8, 8, handle_s=1.0, cores=cores) == expected_s
