"""Latencies of a load are exact up to a number of values, and within a known error above it."""

from __future__ import annotations

from math import floor
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.analysis.statistics import percentile
from labkit.load.latencies import EXACT_UP_TO, RELATIVE_ERROR, Latencies

# From a nanosecond to a quarter of an hour, in whole nanoseconds.
SECONDS = st.integers(0, 10**12).map(lambda ns: ns / 1e9)
MANY = st.lists(SECONDS, min_size=1, max_size=60)
PERCENTS = (50, 90, 99)
# Rounding at the edge of a bin adds to the error of the sketch.
NEAR = RELATIVE_ERROR * (1 + 1e-6)


def collected(values):
    latencies = Latencies()
    for value in values:
        latencies.add(value)
    return latencies


def random_values(count):
    random = Random(count)
    return [0.1 + random.expovariate(5) for _ in range(count)]


def numbers(found):
    return found.p50, found.p90, found.p99


@given(MANY)
def test_few_values_have_exact_percentiles(values):
    found = collected(values).percentiles()
    assert numbers(found) == tuple(percentile(values, percent) for percent in PERCENTS)
    assert (found.min, found.max) == (min(values), max(values))
    assert found.mean == pytest.approx(sum(values) / len(values))


@given(MANY, st.floats(0, 100))
def test_an_estimate_is_the_nearest_rank_percentile_within_the_error(values, percent):
    assert collected(values).estimate(percent) == pytest.approx(percentile(values, percent), rel=NEAR, abs=0)


@given(MANY, st.floats(0, 100), st.floats(0, 100))
def test_estimates_are_ordered_and_within_the_values(values, one, other):
    latencies, (low, high) = collected(values), sorted((one, other))
    assert min(values) <= latencies.estimate(low) <= latencies.estimate(high) <= max(values)


@given(MANY, st.data())
def test_values_may_be_added_one_by_one_or_together(values, data):
    cut = data.draw(st.integers(0, len(values)))
    at_once = Latencies()
    at_once.extend(values[:cut])
    at_once.extend(values[cut:])
    one_by_one = collected(values)
    assert len(at_once) == len(one_by_one) == len(values)
    assert numbers(at_once.percentiles()) == numbers(one_by_one.percentiles())
    assert [at_once.estimate(percent) for percent in PERCENTS] == [one_by_one.estimate(percent) for percent in PERCENTS]


@pytest.mark.parametrize(
    ("count", "precision"),
    [(EXACT_UP_TO, "exact"), (EXACT_UP_TO + 1, "ddsketch, relative error 0.001")],
    ids=["exact", "sketch"],
)
def test_percentiles_are_exact_up_to_a_bound_and_close_beyond_it(count, precision):
    latencies, values = Latencies(), random_values(count)
    latencies.extend(values)
    found, exact = latencies.percentiles(), tuple(percentile(values, percent) for percent in PERCENTS)
    assert latencies.precision == precision
    assert numbers(found) == pytest.approx(exact, rel=NEAR)
    assert (numbers(found) == exact) == (precision == "exact")
    assert (found.min, found.max) == (min(values), max(values))
    assert found.mean == pytest.approx(sum(values) / count)


def test_dropped_values_are_not_kept_again():
    latencies = Latencies()
    latencies.extend(random_values(EXACT_UP_TO + 1))
    latencies.extend([0.5])
    assert latencies.precision != "exact"
    assert len(latencies) == EXACT_UP_TO + 2


@given(st.lists(st.floats(-1, 0), min_size=1, max_size=20), st.integers(1, 20))
def test_a_negative_latency_counts_as_zero(values, more):
    latencies = collected([*values, *[1.0] * more])
    found = latencies.percentiles()
    assert found.min == 0
    assert found.mean == pytest.approx(more / (more + len(values)))
    share = floor(100 * len(values) / (more + len(values)))
    assert latencies.estimate(share) == 0
    assert latencies.estimate(100) == pytest.approx(1, rel=NEAR)


def test_without_values_there_are_no_percentiles():
    latencies = Latencies()
    latencies.extend([])
    assert latencies.percentiles() is None
    assert latencies.estimate(50) is None
    assert len(latencies) == 0
    assert latencies.precision == "exact"
