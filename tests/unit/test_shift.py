"""Rank tests: properties for any values, and the promised coverage and error rates."""

from __future__ import annotations

from itertools import combinations
from math import comb
from random import Random
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.analysis.rank_tests import ALPHA, EXACT_UP_TO, _tail, holm, least_p, p_beyond, shift, smallest_sample

# Halves add up without rounding, so a shift of all values shifts every difference by the same amount.
VALUES = st.integers(-1000, 1000).map(lambda value: value / 2)
SAMPLES = st.lists(VALUES, min_size=1, max_size=12)
P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=30)
ROUNDS = 1000
DRAWS = {
    "normal": lambda random: random.gauss(0, 1),
    "skewed": lambda random: random.expovariate(1),
    "outliers": lambda random: random.gauss(0, 1) * (20 if random.random() < 0.1 else 1),
    "ties": lambda random: float(random.randint(0, 4)),
}
each_distribution = pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)


@given(SAMPLES, SAMPLES)
def test_the_estimate_lies_within_the_interval(first, second):
    found = shift(first, second)
    assert found.ci95 is None or found.ci95[0] <= found.estimate <= found.ci95[1]


@given(SAMPLES, SAMPLES)
def test_swapped_samples_change_the_sign(first, second):
    there, back = shift(first, second), shift(second, first)
    assert back.estimate == -there.estimate
    assert back.ci95 == (None if there.ci95 is None else (-there.ci95[1], -there.ci95[0]))
    assert p_beyond(first, second, 1.5) == p_beyond(second, first, 1.5)


@given(SAMPLES, SAMPLES, VALUES)
def test_a_constant_added_to_one_sample_is_added_to_the_shift(first, second, more):
    found, moved = shift(first, second), shift(first, [value + more for value in second])
    assert moved.estimate == found.estimate + more
    assert moved.ci95 == (None if found.ci95 is None else (found.ci95[0] + more, found.ci95[1] + more))


@given(SAMPLES, SAMPLES, st.sampled_from([0.25, 0.5, 2.0, 1024.0]))
def test_the_unit_of_the_values_does_not_matter(first, second, scale):
    found = shift(first, second)
    scaled = shift([value * scale for value in first], [value * scale for value in second])
    assert scaled.estimate == found.estimate * scale
    assert scaled.ci95 == (None if found.ci95 is None else (found.ci95[0] * scale, found.ci95[1] * scale))
    assert p_beyond(first, second, 2.0) == p_beyond(
        [value * scale for value in first], [value * scale for value in second], 2.0 * scale
    )


@given(SAMPLES, SAMPLES, st.randoms())
def test_the_order_of_the_trials_does_not_matter(first, second, random):
    shuffled = random.sample(first, len(first)), random.sample(second, len(second))
    assert shift(*shuffled) == shift(first, second)


@given(SAMPLES, SAMPLES, st.integers(0, 40).map(lambda value: value / 4))
def test_p_is_small_exactly_where_the_interval_lies_beyond_the_margin(first, second, margin):
    interval = shift(first, second).ci95
    beyond = interval is not None and (interval[0] > margin or interval[1] < -margin)
    assert (p_beyond(first, second, margin) <= ALPHA) == beyond


@given(SAMPLES, SAMPLES, st.floats(0, 50), st.floats(0, 50))
def test_a_wider_margin_never_lowers_p(first, second, one, other):
    narrow, wide = sorted((one, other))
    assert p_beyond(first, second, narrow) <= p_beyond(first, second, wide)


@given(SAMPLES, SAMPLES)
def test_no_p_is_below_the_least_p(first, second):
    assert p_beyond(first, second) >= least_p(len(first), len(second))


@pytest.mark.parametrize(("first", "second"), [(4, 4), (5, 5), (4, 7), (12, 12)])
def test_samples_that_do_not_overlap_show_the_least_p(first, second):
    found = p_beyond(range(first), range(100, 100 + second))
    assert found == least_p(first, second) == 2 / comb(first + second, first)


@pytest.mark.parametrize(("first", "second"), [(1, 1), (1, 20), (2, 2), (3, 3), (2, 7)])
def test_too_few_values_never_show_a_difference(first, second):
    assert shift(range(first), range(10**6, 10**6 + second)).ci95 is None
    assert p_beyond(range(first), range(10**6, 10**6 + second)) > ALPHA


def test_an_empty_sample_has_no_shift():
    with pytest.raises(ValueError, match="two samples"):
        shift([], [1.0])
    assert least_p(0, 5) == 1.0


@pytest.mark.parametrize(("first", "second"), [(1, 4), (3, 3), (4, 5), (5, 5)])
def test_the_chances_match_a_count_of_every_order(first, second):
    """All assignments of the ranks are equally likely if both samples come from one distribution."""
    ranks = range(first + second)
    counts = [
        sum(right > left for left in own for right in ranks if right not in own) for own in combinations(ranks, first)
    ]
    for count in range(first * second + 1):
        assert _tail(first, second, count) == pytest.approx(sum(each >= count for each in counts) / len(counts))


@pytest.mark.parametrize(("sizes", "place"), [((4, 4), 1), ((5, 5), 3), ((6, 6), 6), ((8, 8), 14), ((10, 10), 24)])
def test_the_interval_ends_at_the_tabulated_differences(sizes, place):
    """Hollander, Wolfe & Chicken, table A.6; the same as Conover's, A7."""
    first = [100.0 * value for value in range(sizes[0])]
    second = [0.5 + value for value in range(sizes[1])]
    differences = sorted(right - left for left in first for right in second)
    assert shift(first, second).ci95 == (differences[place - 1], differences[-place])


def test_the_normal_approximation_continues_the_exact_chances():
    size = EXACT_UP_TO + 1
    middle = size * size / 2
    for count in (int(middle), int(middle) + 150, int(middle) + 300):
        exact = _tail(EXACT_UP_TO, EXACT_UP_TO, int(count * (EXACT_UP_TO / size) ** 2))
        assert _tail(size, size, count) == pytest.approx(exact, abs=0.01)


@each_distribution
@pytest.mark.parametrize(("first", "second"), [(4, 4), (5, 5), (4, 9), (8, 8), (20, 20)])
def test_the_interval_covers_the_true_shift_in_95_of_100_cases(draw, first, second):
    random = Random(first * 100 + second)
    covered = 0
    for _ in range(ROUNDS):
        left = [draw(random) for _ in range(first)]
        low, high = shift(left, [3.0 + draw(random) for _ in range(second)]).ci95
        covered += low <= 3.0 <= high
    # Of so many rounds at 95 %, all but one in ten thousand series count at least this.
    assert covered / ROUNDS >= 0.95 - NormalDist().inv_cdf(0.9999) * (0.95 * 0.05 / ROUNDS) ** 0.5


@pytest.mark.parametrize("size", [4, 5, 8, 12, 20])
def test_a_narrower_interval_would_cover_too_little(size):
    """Moving each end by one difference brings the coverage below 95 %."""
    differences = sorted(right - 100.0 * left for left in range(size) for right in range(size))
    place = differences.index(shift([100.0 * value for value in range(size)], range(size)).ci95[0]) + 1
    assert 2 * _tail(size, size, size * size - place + 1) <= ALPHA < 2 * _tail(size, size, size * size - place)


@each_distribution
@pytest.mark.parametrize(("rows", "trials"), [(1, 4), (3, 5), (6, 5), (7, 8)])
def test_diffs_of_equal_results_show_a_difference_in_at_most_5_percent(draw, rows, trials):
    random = Random(rows)
    wrong = 0
    for _ in range(ROUNDS):
        samples = [[[draw(random) for _ in range(trials)] for _ in range(2)] for _ in range(rows)]
        wrong += min(holm([p_beyond(*pair) for pair in samples])) <= ALPHA
    assert wrong / (ROUNDS) <= 0.05 + NormalDist().inv_cdf(0.9999) * (0.05 * 0.95 / (ROUNDS)) ** 0.5


def test_a_large_shift_is_detected():
    random = Random(1)
    pairs = ([random.gauss(0, 1) for _ in range(8)] for _ in range(500))
    seen = sum(p_beyond(first, [random.gauss(4, 1) for _ in range(8)], 1.0) <= ALPHA for first in pairs)
    assert seen / 500 > 0.9


@given(P_VALUES)
def test_holm_lowers_no_p_and_keeps_the_order(p_values):
    adjusted = holm(p_values)
    assert all(p <= new <= 1 for p, new in zip(p_values, adjusted, strict=True))
    ranked = sorted(zip(p_values, adjusted, strict=True))
    assert [new for _, new in ranked] == sorted(adjusted)


@given(P_VALUES, st.randoms())
def test_holm_does_not_depend_on_the_order(p_values, random):
    order = random.sample(range(len(p_values)), len(p_values))
    adjusted = holm(p_values)
    assert holm([p_values[place] for place in order]) == [adjusted[place] for place in order]


@given(P_VALUES, st.floats(0, 1))
def test_holm_with_more_rows_is_stricter(p_values, another):
    assert all(new >= old for old, new in zip(holm(p_values), holm([*p_values, another]), strict=False))


@given(P_VALUES)
def test_holm_is_at_most_bonferroni(p_values):
    assert all(new <= min(1.0, p * len(p_values)) for p, new in zip(p_values, holm(p_values), strict=True))


def test_holm_matches_the_textbook():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@pytest.mark.parametrize("rows", [1, 3, 6, 7, 30, 180, 1000])
def test_the_smallest_conclusive_sample_size(rows):
    size = smallest_sample(rows)
    assert rows * least_p(size, size) <= ALPHA < rows * least_p(size - 1, size - 1)
