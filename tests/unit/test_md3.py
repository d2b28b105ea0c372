"""The simulated queue that benchmarks compare the lab with: properties of every queue, and a known closed form."""

from __future__ import annotations

from itertools import accumulate, islice, pairwise
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.support.deterministic_queue import waits
from labkit.analysis.statistics import most_at_once
from loadtest.schedule import offsets

# Whole seconds add up exactly, and arrivals at the same moment come up often.
SERVICE = 6
SERVERS = st.integers(1, 5)
ARRIVALS = st.lists(st.integers(0, 2 * SERVICE), max_size=60).map(lambda gaps: list(accumulate(gaps)))


@given(st.lists(st.integers(SERVICE, 5 * SERVICE)), SERVERS)
def test_requests_do_not_wait_if_each_is_served_before_the_next_arrives(gaps, servers):
    arrivals = list(accumulate(gaps))
    assert list(waits(arrivals, SERVICE, servers)) == [0] * len(arrivals)


@given(st.integers(1, 40), SERVERS)
def test_simultaneous_arrivals_are_served_in_rounds(count, servers):
    assert list(waits([3] * count, SERVICE, servers)) == [SERVICE * (place // servers) for place in range(count)]


@given(ARRIVALS)
def test_one_server_follows_lindleys_recursion(arrivals):
    found = list(waits(arrivals, SERVICE, 1))
    assert found[:1] in ([], [0])
    gaps = [later - earlier for earlier, later in pairwise(arrivals)]
    assert found[1:] == [max(0, wait + SERVICE - gap) for wait, gap in zip(found, gaps, strict=False)]


@given(ARRIVALS, SERVERS)
def test_requests_are_served_in_order_by_the_available_servers(arrivals, servers):
    starts = [arrival + wait for arrival, wait in zip(arrivals, waits(arrivals, SERVICE, servers), strict=True)]
    assert starts == sorted(starts)
    assert most_at_once([(start, start + SERVICE) for start in starts]) <= servers


@given(ARRIVALS, SERVERS)
def test_no_request_waits_while_a_server_is_free(arrivals, servers):
    starts: list[float] = []
    for arrival, wait in zip(arrivals, waits(arrivals, SERVICE, servers), strict=True):
        busy_until = sorted(start + SERVICE for start in starts)[-servers:]
        if wait:
            assert len(busy_until) == servers
            assert arrival + wait == busy_until[0]
        else:
            assert len(busy_until) < servers or busy_until[0] <= arrival
        starts.append(arrival + wait)


@pytest.mark.parametrize("utilisation", [0.3, 0.5, 0.8])
def test_poisson_arrivals_at_one_server_wait_as_pollaczek_and_khinchine_predict(utilisation):
    """M/D/1: rho × D ÷ (2 × (1 - rho)), as in textbooks on queueing; the arrivals are the same in every run."""
    arrivals = islice(offsets(utilisation / SERVICE, "poisson", seed=1), 200_000)
    expected = utilisation * SERVICE / (2 * (1 - utilisation))
    assert fmean(waits(arrivals, SERVICE, 1)) == pytest.approx(expected, rel=0.03)
