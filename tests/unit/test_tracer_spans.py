"""The conversion of ticks to spans: no gaps, and correct durations."""

from __future__ import annotations

from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.harness.tracer.spans import Span, Tick, append_tick, to_spans
from clients.harness.tracer.threads import parse_syscall

STATES = st.sampled_from(["running", "io", "gil", "lock"])
WAITS = st.integers(0, 6)
MS = 1_000_000


@st.composite
def sampled_ticks(draw, waits=WAITS):
    """Generate the ticks of one thread; a wait can begin before the first tick."""
    seen = draw(st.lists(st.tuples(st.integers(1, 4), STATES, waits), max_size=12))
    times = accumulate(step for step, _, _ in seen)
    return [Tick(t_ns, state, waited_ns) for t_ns, (_, state, waited_ns) in zip(times, seen, strict=True)]


@given(sampled_ticks())
def test_spans_cover_the_sampled_time_without_gaps(ticks):
    found = to_spans(ticks)
    if len(ticks) < 2:
        assert found == []
        return
    assert (found[0].start_ns, found[-1].end_ns) == (ticks[0].t_ns, ticks[-1].t_ns)
    assert all(span.start_ns < span.end_ns for span in found)
    assert all(before.end_ns == after.start_ns for before, after in pairwise(found))
    assert all(before.state != after.state for before, after in pairwise(found))


@given(sampled_ticks())
def test_a_wait_for_a_core_replaces_running_spans_first(ticks):
    state = {}
    for before, after in pairwise(ticks):
        middle = (before.t_ns + after.t_ns) // 2
        state |= dict.fromkeys(range(before.t_ns, middle), before.state)
        state |= dict.fromkeys(range(middle, after.t_ns), after.state)
        # The wait ended after the previous tick, so it began at most its length before that tick.
        near = [moment for moment in state if moment >= before.t_ns - after.waited_ns and state[moment] != "core"]
        near.sort(key=lambda moment: (state[moment] == "running", moment))
        state |= dict.fromkeys(near[len(near) - min(after.waited_ns, len(near)) :], "core")
    assert {moment: s.state for s in to_spans(ticks) for moment in range(s.start_ns, s.end_ns)} == state


@given(sampled_ticks(waits=st.just(0)))
def test_a_state_changes_midway_between_two_ticks(ticks):
    expected = dict.fromkeys((t.state for t in ticks), 0)
    for before, after in pairwise(ticks):
        middle = (before.t_ns + after.t_ns) // 2
        expected[before.state] += middle - before.t_ns
        expected[after.state] += after.t_ns - middle
    for state, total in expected.items():
        assert sum(s.end_ns - s.start_ns for s in to_spans(ticks) if s.state == state) == total


@given(sampled_ticks())
def test_dropped_ticks_do_not_change_the_spans(ticks):
    kept = []
    for tick in ticks:
        append_tick(kept, tick)
    assert to_spans(kept) == to_spans(ticks)


def test_a_long_state_needs_only_two_ticks():
    kept = []
    for t_ns in range(10_000):
        append_tick(kept, Tick(t_ns, "io"))
    assert kept == [Tick(0, "io"), Tick(9_999, "io")]


def test_a_preempted_thread_waits_for_a_core_until_it_continues():
    ticks = [Tick(0, "io"), Tick(2 * MS, "running"), Tick(5 * MS, "running"), Tick(6 * MS, "running", 4 * MS)]
    assert to_spans(ticks) == [Span("io", 0, MS), Span("running", MS, 2 * MS), Span("core", 2 * MS, 6 * MS)]


def test_a_wait_for_a_core_followed_by_a_wait_for_the_gil():
    ticks = [Tick(0, "running"), Tick(10 * MS, "gil", 5 * MS)]
    assert to_spans(ticks) == [Span("core", 0, 5 * MS), Span("gil", 5 * MS, 10 * MS)]


@pytest.mark.parametrize(
    ("machine", "line", "expected"),
    [
        ("x86_64", b"running\n", ("running", None)),
        ("x86_64", b"202 0x7f00 0x189 0x0 0x0 0x0 0xffffffff 0x7ffc 0x7fa2\n", ("lock", 0x7F00)),
        ("x86_64", b"45 0x3 0x7f00 0x2000 0x0 0x0 0x0 0x7ffc 0x7fa2\n", ("io", None)),
        ("x86_64", b"232 0x3 0x7f00 0x3 0xffffffff 0x0 0x8 0x7ffc 0x7fa2\n", ("io", None)),
        ("x86_64", b"230 0x1 0x1 0x7ffc 0x0 0x0 0x0 0x7ffc 0x7fa2\n", ("sleep", None)),
        ("x86_64", b"61 0x1 0x1 0x0 0x0 0x0 0x0 0x7ffc 0x7fa2\n", ("child", None)),
        ("x86_64", b"-1 0x7ffc 0x7fa2\n", ("io", None)),  # a page fault that reads from disk
        ("aarch64", b"98 0x7f00 0x189 0x0 0x0 0x0 0xffffffff 0x7ffc 0x7fa2\n", ("lock", 0x7F00)),
        ("aarch64", b"202 0x3 0x7f00 0x2000 0x0 0x0 0x0 0x7ffc 0x7fa2\n", ("io", None)),  # accept, there
    ],
)
def test_the_system_call_gives_the_state(machine, line, expected):
    assert parse_syscall(line, machine) == expected
