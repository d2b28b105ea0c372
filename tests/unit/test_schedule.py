"""The schedule of arrivals in an open load."""

from __future__ import annotations

from itertools import islice, pairwise
from statistics import mean, pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.schedule import offsets

RATES = st.floats(0.001, 100_000)
SEEDS = st.integers(0, 2**32 - 1)


def first(number, rate, arrivals, seed=1):
    return list(islice(offsets(rate, arrivals, seed), number))


@given(RATES, SEEDS)
def test_constant_arrivals_are_one_over_rate_apart_without_drift(rate, seed):
    times = first(1000, rate, "constant", seed)
    assert times[0] == 0
    assert times[999] == 999 / rate
    assert [later - earlier for earlier, later in pairwise(times)] == pytest.approx([1 / rate] * 999)


@given(RATES, SEEDS)
def test_equal_seeds_give_equal_arrivals(rate, seed):
    assert first(50, rate, "poisson", seed) == first(50, rate, "poisson", seed)


@given(RATES, SEEDS, st.sampled_from(["constant", "poisson"]))
def test_arrivals_are_in_order_and_after_the_start(rate, seed, arrivals):
    times = first(200, rate, arrivals, seed)
    assert times[0] >= 0
    assert times == sorted(times)
    assert len(set(times)) == len(times)


def test_different_seeds_give_different_arrivals():
    assert len({tuple(first(3, 2.0, "poisson", seed)) for seed in range(100)}) == 100


@pytest.mark.parametrize("rate", [0.5, 2.0, 300.0])
def test_gaps_of_poisson_arrivals_are_exponential(rate):
    """Mean and standard deviation are 1 ÷ rate, and successive gaps are uncorrelated."""
    times = [0.0, *first(20_000, rate, "poisson", seed=7)]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert mean(gaps) == pytest.approx(1 / rate, rel=0.03)
    assert pstdev(gaps) == pytest.approx(1 / rate, rel=0.03)
    product = mean(one * other for one, other in pairwise(gaps))
    assert product == pytest.approx(1 / rate**2, rel=0.05)
