"""A sweep finds the most concurrent spans while they arrive: the same number as from all spans together."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.analysis.statistics import most_at_once
from labkit.load.sweep import Sweep

# Few different moments, so that equal moments, touching spans and empty spans are frequent.
MOMENTS = st.integers(0, 12)
SPANS = st.lists(st.tuples(MOMENTS, MOMENTS).map(sorted).map(tuple), max_size=15)
FOREVER = float("inf")


def swept(spans, positions=()):
    """The most spans by a sweep that gets them in this order and settles at these positions."""
    sweep = Sweep()
    for position, (start, end) in enumerate(spans):
        if position in positions:
            sweep.advance(min(start for start, _ in spans[position:]))
        sweep.add(start, end)
    sweep.finish()
    return sweep.most


@given(SPANS, st.sets(st.integers(0, 15)), st.randoms())
def test_it_finds_the_most_of_all_spans(spans, positions, random):
    by_end = sorted(spans, key=lambda span: span[1] + random.choice((0, 1, 2)))
    assert swept(by_end, positions) == most_at_once(spans)


@given(SPANS, st.lists(MOMENTS, max_size=5))
def test_a_span_that_never_ended_stays_open(spans, endless):
    sweep = Sweep()
    for start, end in spans:
        sweep.add(start, end)
    for start in endless:
        sweep.add(start, None)
    sweep.finish()
    assert sweep.most == most_at_once([*spans, *((start, FOREVER) for start in endless)])


@given(SPANS)
def test_spans_may_be_added_as_columns(spans):
    sweep = Sweep()
    sweep.extend([start for start, _ in spans], [end for _, end in spans])
    sweep.finish()
    assert sweep.most == most_at_once(spans)


@given(SPANS, MOMENTS)
def test_it_knows_the_most_up_to_the_settled_moment(spans, safe):
    sweep = Sweep()
    for start, end in spans:
        sweep.add(start, end)
    sweep.advance(safe)
    assert sweep.most == most_at_once([(start, min(end, safe)) for start, end in spans if start < safe])


def test_settling_an_earlier_moment_changes_nothing():
    sweep = Sweep()
    sweep.advance(10)
    sweep.advance(5)
    sweep.add(10, 12)
    sweep.add(11, 12)
    sweep.finish()
    assert sweep.most == 2


@pytest.mark.parametrize("end", [12, None])
def test_a_span_that_starts_before_the_settled_moment_still_counts(end):
    sweep = Sweep()
    sweep.advance(10)
    sweep.add(8, end)
    sweep.add(11, 12)
    sweep.finish()
    assert sweep.most == 2


def test_memory_depends_on_open_spans_not_on_all_spans():
    def peak(count):
        tracemalloc.start()
        sweep = Sweep()
        for moment in range(count):
            sweep.add(moment, moment + 50)
            if moment % 100 == 0:
                sweep.advance(moment)
        sweep.finish()
        assert sweep.most == 50
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(20_000) <= 1.2 * peak(2_000)
