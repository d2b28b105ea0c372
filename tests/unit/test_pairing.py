"""Requests of a script are paired with rows of the server's log by the order of the answers."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.harness.protocol import Begin, Request
from labkit.run.matching import number_requests
from labkit.runtime.server import LoggedRequest


@dataclass(frozen=True)
class Call:
    """A request to a path: when it was sent, taken by a worker, served and answered, in milliseconds."""

    path: str
    sent: int
    taken: int
    served: int
    answered: int


def both_sides(calls, *, in_log=lambda _: True):
    messages, rows = [], []
    for number, call in enumerate(calls):
        key = f"k{number}"
        begin = Begin(key, "", call.path, "MainThread", 1, call.sent * 1_000_000)
        answered_ns = call.answered * 1_000_000
        end = Request(
            key, "", call.path, "MainThread", 1, begin.start_ns, None, None, answered_ns, answered_ns, 200, 9, None
        )
        messages += [begin, end]
        if in_log(number):
            rows.append(LoggedRequest("", call.path or "-", 7, call.taken * 1_000_000, call.served * 1_000_000, 200))
    return messages, rows


@st.composite
def served_in_turn(draw):
    """Calls of few paths to a server with some workers, first come, first served."""
    workers = [0] * draw(st.integers(1, 4))
    calls, now = [], 0
    for _ in range(draw(st.integers(1, 12))):
        now += draw(st.integers(0, 30))
        worker = min(range(len(workers)), key=workers.__getitem__)
        taken = max(now + 1, workers[worker] + 1)
        served = workers[worker] = taken + draw(st.integers(1, 50))
        calls.append(Call(draw(st.sampled_from(["", "a", "b"])), now, taken, served, served + 1))
    return calls


@given(served_in_turn(), st.randoms())
def test_each_row_is_paired_with_a_request_that_contains_it_in_the_order_of_answers(calls, random):
    messages, rows = both_sides(calls)
    random.shuffle(rows)
    requests, logged = number_requests(messages, rows)
    ends = {each.id: each for each in requests if isinstance(each, Request)}
    assert sorted(ends) == sorted(row.id for row in logged) == list(range(1, len(calls) + 1))
    for row in logged:
        end = ends[row.id]
        assert end.start_ns <= row.start_ns <= row.end_ns <= end.end_ns
        assert calls[int(end.key[1:])].served * 1_000_000 == row.end_ns or _ends_with_another(calls, row.end_ns)


def _ends_with_another(calls, end_ns):
    return sum(call.served * 1_000_000 == end_ns for call in calls) > 1


def test_requests_are_numbered_in_the_order_of_their_start():
    messages, rows = both_sides([Call("", 20, 21, 30, 31), Call("", 10, 11, 40, 41)])
    requests, _ = number_requests(messages, rows)
    assert [(each.id, each.key) for each in requests if isinstance(each, Begin)] == [(2, "k0"), (1, "k1")]


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_request_without_a_row_is_not_paired(missing):
    calls = [Call("", 10 * number, 10 * number + 1, 10 * number + 5, 10 * number + 6) for number in range(3)]
    messages, rows = both_sides(calls, in_log=lambda number: number != missing)
    assert {row.id for row in number_requests(messages, rows)[1]} == {1, 2, 3} - {missing + 1}


def test_a_row_without_a_request_gets_its_own_id():
    messages, rows = both_sides([Call("", 10, 11, 20, 21)])
    stranger = LoggedRequest("", "-", 7, 900_000_000, 950_000_000, 200)
    ids = [row.id for row in number_requests(messages, [*rows, stranger])[1]]
    assert ids[0] == 1
    assert ids[1] > 1
