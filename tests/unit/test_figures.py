"""Metrics of a trial: answered and lost requests, causes, attempts, quiet time and handling."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.analysis.metrics import NEVER_ENDED, REFUSALS, count_failures, failure_cause, handling_s, trial_metrics
from labkit.analysis.statistics import covered_time
from tests import samples

ROW = samples.good_trial().requests[0]


@pytest.mark.parametrize(
    ("error", "named"),
    [
        ("TimeoutError: timed out", "timeout"),
        ("ReadTimeout", "timeout"),
        ("ServerTimeoutError: Connection timeout to host http://127.0.0.1", "timeout"),
        ("TooSlowError", "timeout"),
        ("ConnectionResetError: [Errno 104] Connection reset by peer", "connection reset"),
        ("RemoteDisconnected: Remote end closed connection without response", "connection reset"),
        ("ServerDisconnectedError: Server disconnected", "connection reset"),
        ("ClientPayloadError: Response payload is not completed", "connection reset"),
        ("IncompleteRead(5 bytes read, 22 more expected)", "connection reset"),
        ("closed after 5 of 27 bytes", "connection reset"),
        ("RemoteProtocolError: peer closed connection without sending complete message body", "connection reset"),
        ("BrokenPipeError: [Errno 32] Broken pipe", "connection reset"),
        ("ConnectionRefusedError: [Errno 111] Connection refused", "connection refused"),
        (
            "ClientConnectorError: Cannot connect to host 127.0.0.1:80 [Connect call failed, refused]",
            "connection refused",
        ),
        ("OSError: [Errno 24] Too many open files", "OSError"),
        ("CancelledError", "CancelledError"),
        ("closed before the body was read", "closed before the body was read"),
        ("", "unknown"),
    ],
)
def test_an_error_has_a_short_cause(error, named):
    assert failure_cause(replace(ROW, error=error)) == named


@pytest.mark.parametrize(("status", "error"), [(503, None), (404, None), (503, "closed after 0 of 9 bytes")])
def test_an_error_status_is_the_cause(status, error):
    assert failure_cause(replace(ROW, status=status, error=error)) == f"status {status}"


def test_an_attempt_without_an_end_had_no_answer():
    assert failure_cause(replace(ROW, end_s=None, status=None)) == NEVER_ENDED


def test_the_cause_is_the_last_attempts_unless_an_earlier_one_was_answered():
    first, second = replace(ROW, status=503), replace(ROW, attempt=2, error="TimeoutError", start_s=2.0)
    assert count_failures([second, first]) == {"timeout": 1}
    assert count_failures([replace(ROW, attempt=1), second]) == {}


def test_the_most_frequent_cause_is_first():
    rows = [replace(ROW, id=number, status=503 if number % 3 else 500) for number in range(1, 10)]
    assert list(count_failures(rows).items()) == [("status 503", 6), ("status 500", 3)]


def test_the_metrics_of_a_trial_with_retries():
    found = trial_metrics(samples.coping_trial())
    assert (found.ok, found.failed) == (7, 2)
    assert found.failed_by_cause == {NEVER_ENDED: 1, "status 503": 1}
    assert (found.attempts, found.wasted_attempts, found.refused) == (13, 6, 4)


def test_without_faults_every_attempt_is_a_request():
    found = trial_metrics(samples.good_trial())
    assert (found.ok, found.failed, found.attempts, found.wasted_attempts, found.refused) == (9, 0, 9, 0, 0)
    assert found.failed_by_cause == {}
    assert found.longest_quiet_s == pytest.approx(1.0, abs=0.02)


def test_a_second_answer_is_wasted():
    good = samples.good_trial()
    twice = replace(good, requests=(*good.requests, replace(good.requests[0], attempt=2)))
    assert (trial_metrics(twice).ok, trial_metrics(twice).failed, trial_metrics(twice).wasted_attempts) == (9, 0, 1)


def test_quiet_time_ends_with_the_makespan_or_the_last_known_event():
    good = samples.good_trial(makespan_s=7.0)
    assert trial_metrics(good).longest_quiet_s == pytest.approx(7.0 - max(row.end_s for row in good.requests))
    hung = samples.with_rows(good, status=500)
    assert trial_metrics(hung).longest_quiet_s == 7.0
    stopped = replace(hung, makespan_s=None, outcome="timeout")
    assert trial_metrics(stopped).longest_quiet_s == max(sample.t_s for sample in good.samples)


def test_unmeasured_values_are_none():
    found = trial_metrics(samples.good_trial(samples=()))
    nothing = (found.ok, found.failed, found.attempts, found.wasted_attempts, found.refused, found.longest_quiet_s)
    assert set(nothing) == {None}


attempts = st.builds(
    lambda number, attempt, status, error, start_s, lasted_s: replace(
        ROW,
        id=number,
        attempt=attempt,
        status=status,
        error=error,
        start_s=start_s,
        end_s=None if lasted_s is None else start_s + lasted_s,
    ),
    st.integers(1, 5),
    st.integers(1, 4),
    st.sampled_from([None, 200, 403, 429, 500, 503]),
    st.none() | st.sampled_from(["TimeoutError", "closed after 1 of 2 bytes", "Odd"]),
    st.floats(0, 5),
    st.none() | st.floats(0, 5),
)


@given(st.lists(attempts, max_size=25), st.none() | st.floats(0.1, 12))
def test_every_request_is_counted_once_for_any_attempts(rows, makespan_s):
    trial = samples.good_trial(requests=tuple(rows), makespan_s=makespan_s)
    found = trial_metrics(trial)
    assert found.ok + found.failed == len({row.id for row in rows})
    assert sum(found.failed_by_cause.values()) == found.failed
    assert found.ok + found.wasted_attempts == found.attempts == len(rows)
    assert found.refused == sum(Counter(row.status for row in rows)[status] for status in REFUSALS)
    assert found.longest_quiet_s >= 0
    assert makespan_s is None or found.longest_quiet_s <= makespan_s


# Handling.

LANES = {"sync": ["main"] * 4, "threads": ["a", "b", "c", "d"], "pool": ["a", "b", "a", "b"]}


def handled(lane_names, spans, makespan_s):
    """A trial in which the body of each (start, end) costs processor time."""
    planned = samples.plan(["threads"], requests=[4], handle_s=0.05).trials[0]
    rows = [
        replace(ROW, id=number, lane=lane, start_s=start_s, end_s=end_s)
        for number, (lane, (start_s, end_s)) in enumerate(zip(lane_names, spans, strict=True), 1)
    ]
    return samples.good_trial(planned, requests=tuple(rows), makespan_s=makespan_s)


@pytest.mark.parametrize(
    ("lanes", "spans", "makespan_s", "expected_s"),
    [
        pytest.param(LANES["sync"], [(0, 1), (1.5, 2), (2.5, 3), (3.5, 4)], 4.5, 2.0, id="one after another"),
        pytest.param(LANES["threads"], [(0, 1), (0, 1), (0, 1), (0, 1)], 3.0, 2.0, id="all at once"),
        pytest.param(LANES["pool"], [(0, 1), (0, 1.2), (1.5, 2), (1.7, 2)], 2.5, 1.2, id="two side by side"),
        pytest.param(LANES["pool"], [(0, 1), (0, 1.2), (1.1, 2), (1.3, 2)], 2.5, 0.7, id="with a gap between"),
    ],
)
def test_handling_lasts_from_an_answer_to_the_next_request_of_its_lane(lanes, spans, makespan_s, expected_s):
    assert handling_s(handled(lanes, spans, makespan_s)) == pytest.approx(expected_s)


def test_free_bodies_and_unfinished_trials_have_no_handling_time():
    assert handling_s(samples.good_trial()) is None
    assert handling_s(replace(handled(LANES["sync"], [(0, 1)] * 4, 2.0), makespan_s=None)) is None


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=12))
def test_covered_time_is_counted_once(spans):
    inside = {moment for start, end in spans for moment in range(start, end)}
    assert covered_time([(float(start), float(end)) for start, end in spans]) == len(inside)
