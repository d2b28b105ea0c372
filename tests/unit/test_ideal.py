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
