"""The most spans at once, found while they come in: the same as of all spans together."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.analysis.statistics import most_at_once
from labkit.load.sweep import Sweep

# Moments of a small clock: equal ones, touching and empty spans come up often.
MOMENTS = st.integers(0, 12)
SPANS = st.lists(st.tuples(MOMENTS, MOMENTS).map(sorted).map(tuple), max_size=15)
FOREVER = float("inf")


def swept(spans, looks=()):
    """What a sweep finds of spans in this order that is told, at these places, how far it may settle."""
    sweep = Sweep()
    for place, (start, end) in enumerate(spans):
        if place in looks:
            sweep.advance(min(start for start, _ in spans[place:]))
        sweep.add(start, end)
    sweep.finish()
    return sweep.most


@given(SPANS, st.sets(st.integers(0, 15)), st.randoms())
def test_it_finds_what_is_found_of_all_together(spans, looks, random):
    by_end = sorted(spans, key=lambda span: span[1] + random.choice((0, 1, 2)))
    assert swept(by_end, looks) == most_at_once(spans)


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
def test_spans_may_come_in_columns(spans):
    sweep = Sweep()
    sweep.extend([start for start, _ in spans], [end for _, end in spans])
    sweep.finish()
    assert sweep.most == most_at_once(spans)


@given(SPANS, MOMENTS)
def test_it_knows_the_most_up_to_where_it_has_settled(spans, safe):
    sweep = Sweep()
    for start, end in spans:
        sweep.add(start, end)
    sweep.advance(safe)
    assert sweep.most == most_at_once([(start, min(end, safe)) for start, end in spans if start < safe])


def test_going_back_settles_nothing_anew():
    sweep = Sweep()
    sweep.advance(10)
    sweep.advance(5)
    sweep.add(10, 12)
    sweep.add(11, 12)
    sweep.finish()
    assert sweep.most == 2


@pytest.mark.parametrize("end", [12, None])
def test_a_span_that_starts_earlier_than_was_said_still_counts(end):
    sweep = Sweep()
    sweep.advance(10)
    sweep.add(8, end)
    sweep.add(11, 12)
    sweep.finish()
    assert sweep.most == 2


def test_memory_follows_from_what_is_open_not_from_what_has_been():
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
