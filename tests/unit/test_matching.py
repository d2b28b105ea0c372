"""Attempts at a request are matched with their rows of the server's log."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from clients.harness.protocol import Begin, Request
from labkit.run.matching import match_attempts
from labkit.runtime.server import LoggedRequest

MS = 1_000_000


def attempt(number, start_ms, end_ms, status=200, *, sent=True):
    key = f"k{number}"
    begin = Begin(key, "t1", 7, "lane", 41, start_ms * MS)
    if end_ms is None:
        return begin, None
    sent_ns = (start_ms + 1) * MS if sent else None
    answered_ns = (end_ms - 1) * MS if status else None
    error = None if status else "broken"
    end = Request(key, "t1", 7, "lane", 41, start_ms * MS, None, sent_ns, answered_ns, end_ms * MS, status, 3, error)
    return begin, end


def row(start_ms, end_ms, status=200):
    return LoggedRequest("t1", 7, 70, start_ms * MS, end_ms * MS, status)


def pairs(attempts, rows):
    found, left = match_attempts(attempts, rows)
    return {key: rows.index(its) for key, its in found.items()}, [rows.index(each) for each in left]


def test_successive_attempts_get_their_rows():
    attempts = [attempt(1, 0, 50, 503), attempt(2, 60, 200)]
    assert pairs(attempts, [row(70, 180), row(10, 11, 503)]) == ({"k1": 1, "k2": 0}, [])


def test_an_attempt_that_was_not_sent_has_no_row():
    attempts = [attempt(1, 0, 5, None, sent=False), attempt(2, 60, 200)]
    assert pairs(attempts, [row(70, 180)]) == ({"k2": 0}, [])


def test_an_abandoned_attempt_may_be_served_during_the_next_one():
    attempts = [attempt(1, 0, 50, None), attempt(2, 60, 300)]
    assert pairs(attempts, [row(80, 180), row(180, 280)]) == ({"k1": 0, "k2": 1}, [])


def test_the_answered_attempt_gets_the_row_before_a_lost_one():
    attempts = [attempt(1, 0, 50, None), attempt(2, 60, 300)]
    assert pairs(attempts, [row(80, 280)]) == ({"k2": 0}, [])


def test_an_answered_attempt_without_a_sending_time_gets_a_row():
    begin, end = attempt(1, 0, 200)
    silent = (begin, end._replace(sent_ns=None, first_byte_ns=None))
    assert pairs([silent], [row(10, 180)]) == ({"k1": 0}, [])


def test_an_attempt_that_never_ended_gets_any_row():
    assert pairs([attempt(1, 0, None)], [row(10, 900)]) == ({"k1": 0}, [])


def test_a_surplus_row_is_unmatched():
    assert pairs([attempt(1, 0, 200)], [row(10, 100), row(20, 120)]) == ({"k1": 0}, [1])


@given(
    st.lists(st.tuples(st.integers(2, 20), st.integers(2, 20), st.booleans(), st.booleans()), max_size=6), st.randoms()
)
def test_rows_of_successive_attempts_are_matched_in_any_order(shapes, random):
    """Each attempt reached the server, which served it before the next one began, or was lost."""
    attempts, rows, expected, now = [], [], {}, 0
    for number, (before, after, answered, arrived) in enumerate(shapes):
        start, end = now, now + before + after + 4
        reached = arrived or answered
        attempts.append(attempt(number, start, end, 200 if answered else None, sent=reached))
        if reached:
            expected[f"k{number}"] = served = row(start + 2, start + 2 + before, 200 if answered else 0)
            rows.append(served)
        now = end + 1
    random.shuffle(rows)
    assert match_attempts(attempts, rows) == (expected, ())
