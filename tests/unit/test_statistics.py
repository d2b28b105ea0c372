"""Statistics: properties that hold for any values, and the promised coverage of an interval."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.analysis.statistics import median_interval, most_at_once, percentile, time_average

VALUES = st.floats(-1e6, 1e6)
MANY = st.lists(VALUES, min_size=1, max_size=50)
# Moments of a small clock: equal ones, and touching spans, come up often.
MOMENTS = st.integers(0, 12)
SPANS = st.lists(st.tuples(MOMENTS, MOMENTS).filter(lambda span: span[0] < span[1]), max_size=12)
ROUNDS = 2000


@given(MANY, st.floats(0, 100))
def test_a_percentile_is_one_of_the_values(values, percent):
    assert percentile(values, percent) in values


@given(MANY, st.floats(0, 100), st.floats(0, 100))
def test_percentiles_increase(values, one, other):
    low, high = sorted((one, other))
    assert percentile(values, low) <= percentile(values, high)


@given(MANY, st.floats(0, 100))
def test_a_percentile_is_the_smallest_value_with_enough_values_below(values, percent):
    found = percentile(values, percent)
    assert sum(value <= found for value in values) >= len(values) * percent / 100
    assert sum(value < found for value in values) <= len(values) * percent / 100


@pytest.mark.parametrize(("percent", "expected"), [(0, 1), (1, 1), (50, 5), (51, 6), (90, 9), (99, 10), (100, 10)])
def test_percentiles_of_ten_values(percent, expected):
    assert percentile([3, 1, 4, 2, 10, 9, 8, 7, 6, 5], percent) == expected


def test_an_empty_sample_has_no_percentile():
    with pytest.raises(ValueError, match="at least one value"):
        percentile([], 50)


@given(st.lists(VALUES, min_size=2, max_size=40))
def test_the_interval_contains_the_median(values):
    low, high = median_interval(values)
    assert low <= median(values) <= high


@given(st.lists(VALUES, min_size=6, max_size=40))
def test_from_six_values_on_the_interval_ends_at_values(values):
    assert set(median_interval(values)) <= set(values)


def test_fewer_than_two_values_have_no_interval():
    assert median_interval([]) is None
    assert median_interval([1.0]) is None


@pytest.mark.parametrize("count", range(2, 13))
@pytest.mark.parametrize(
    ("draw", "truth"),
    [(lambda random: random.gauss(1, 0.1), 1.0), (lambda random: random.expovariate(1), 0.6931)],
    ids=["normal", "skewed"],
)
def test_the_interval_covers_the_true_median_in_95_of_100_cases(draw, truth, count):
    random = Random(count)
    samples = ([draw(random) for _ in range(count)] for _ in range(ROUNDS))
    covered = sum(low <= truth <= high for low, high in map(median_interval, samples))
    assert covered / ROUNDS >= 0.93
    if count < 6:  # from there on it goes from one value to the next, and promises more than it needs to
        assert covered / ROUNDS <= 0.98


@pytest.mark.parametrize("count", [6, 9, 12, 30])
def test_a_narrower_interval_would_cover_too_little(count):
    """Moving each end by one value brings the coverage below 95 %."""
    random = Random(count)
    covered = 0
    for _ in range(ROUNDS):
        values = sorted(random.random() for _ in range(count))
        low, high = (values.index(edge) for edge in median_interval(values))
        covered += values[low + 1] <= 0.5 <= values[high - 1]
    assert covered / ROUNDS < 0.95


@given(SPANS)
def test_the_most_at_once_matches_a_count_at_every_moment(spans):
    assert most_at_once(spans) == max(sum(start <= t < end for start, end in spans) for t in range(13))


@given(SPANS, st.randoms())
def test_the_most_at_once_does_not_depend_on_the_order(spans, random):
    assert most_at_once(random.sample(spans, len(spans))) == most_at_once(spans)


def test_a_span_that_never_ends_stays_open():
    forever = float("inf")
    assert most_at_once([(0.0, forever), (1.0, 2.0), (3.0, forever)]) == 2


TIMES = st.lists(st.integers(0, 1000), min_size=2, max_size=20, unique=True).map(sorted)


@given(TIMES, st.floats(-10, 10), st.floats(-10, 10), st.data())
def test_the_average_of_a_line_is_its_value_at_the_middle(times, slope, height, data):
    start, end = _within(times, data)
    points = [(float(t), height + slope * t) for t in times]
    assert time_average(points, start, end) == pytest.approx(height + slope * (start + end) / 2, abs=1e-6)


@given(TIMES, st.data())
def test_the_average_of_a_step_function_is_area_by_width(times, data):
    """A step is two samples with almost no time between them."""
    values = data.draw(st.lists(st.integers(0, 50), min_size=len(times) - 1, max_size=len(times) - 1))
    start, end = _within(times, data)
    pieces = [(t0, t1, value) for (t0, t1), value in zip(pairwise(times), values, strict=True)]
    points = [point for t0, t1, value in pieces for point in ((t0 + 1e-9, value), (t1 - 1e-9, value))]
    points = [(times[0], values[0]), *points, (times[-1], values[-1])]
    area = sum(max(0, min(t1, end) - max(t0, start)) * value for t0, t1, value in pieces)
    assert time_average(points, start, end) == pytest.approx(area / (end - start), abs=1e-4)


def test_samples_count_by_the_time_between_them():
    assert time_average([(0, 0), (1, 10), (9, 10), (10, 0)], 0, 10) == pytest.approx(9)


@pytest.mark.parametrize(
    ("points", "start", "end"),
    [
        ([], 0, 1),
        ([(0, 5)], 0, 1),
        ([(0.1, 5), (2, 5)], 0, 1),  # begins late
        ([(0, 5), (0.9, 5)], 0, 1),  # ends early
        ([(0, 5), (2, 5)], 1, 1),  # no stretch
    ],
)
def test_samples_that_do_not_span_the_time_have_no_average(points, start, end):
    assert time_average(points, start, end) is None


def _within(times, data):
    """An interval of at least a thousandth within `times`."""
    edge = st.floats(times[0], times[-1])
    start, end = sorted((data.draw(edge), data.draw(edge)))
    return (start, end) if end - start >= 1e-3 else (times[0], times[-1])
