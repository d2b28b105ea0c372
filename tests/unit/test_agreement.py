"""Agreement of the harness's latencies with Locust's, and the tool that the server's log supports."""

from __future__ import annotations

from dataclasses import replace
from heapq import heapify, heapreplace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.analysis.baseline import compare_with_baseline, expected_latencies, is_close
from labkit.analysis.statistics import percentile
from labkit.model import RequestRow, ServerRow, Trial
from server.behaviour import Behaviour, decide_action
from tests import samples
from tests.samples import document

PAIR = ("asyncio_semaphore", "locust")


def slower_by(trial, more_s, *ids):
    """`trial`, with later ends of these requests, or of all, in the client's rows."""
    rows = [
        replace(row, end_s=row.end_s + more_s) if not ids or row.id in ids else row
        for row in trial.requests
    ]  # fmt: skip
    return replace(trial, requests=tuple(rows))


def compared(names=PAIR, *, repeat=1, spoil=None, **axes):
    """A comparison of `names`; `spoil` maps a name to a change of its trials."""

    def measure(wanted):
        good = samples.good_trial(wanted)
        return (spoil or {}).get(wanted.approach, lambda trial: trial)(good)

    return samples.comparison(samples.plan(names, repeat=repeat, **axes), measure)


def results_of(whole):
    return {each.figure: (each.ok, each.supported) for each in compare_with_baseline(whole)}


def test_equal_latencies_agree_and_the_log_supports_both():
    assert results_of(compared(limits=[9])) == {"median": (True, "both"), "p99": (True, "both")}


@pytest.mark.parametrize("name", PAIR)
def test_the_log_supports_the_tool_with_the_true_latencies(name):
    (other,) = set(PAIR) - {name}
    whole = compared(limits=[9], spoil={name: lambda trial: slower_by(trial, 0.1)})
    assert results_of(whole) == {"median": (False, other), "p99": (False, other)}


def test_a_slow_request_alone_affects_only_p99():
    whole = compared(limits=[9], spoil={"locust": lambda trial: slower_by(trial, 0.1, 9)})
    assert results_of(whole) == {"median": (True, "both"), "p99": (False, "asyncio_semaphore")}


def test_the_log_supports_neither_of_two_wrong_tools():
    spoil = {"locust": lambda trial: slower_by(trial, 0.1), "asyncio_semaphore": lambda trial: slower_by(trial, 0.3)}
    assert results_of(compared(limits=[9], spoil=spoil)) == {"median": (False, "neither"), "p99": (False, "neither")}


@pytest.mark.parametrize(
    ("one_s", "other_s", "same"),
    [
        (1.0, 1.0, True),
        (1.0, 1.0255, True),
        (1.0, 1.0256, False),
        (0.1, 0.107, True),
        (0.1, 0.1073, False),
        (0.0, 0.005, True),
        (0.0, 0.0052, False),
    ],
)
def test_two_percent_and_five_milliseconds_are_tolerated(one_s, other_s, same):
    assert is_close(one_s, other_s) == is_close(other_s, one_s) == same


def test_each_grid_point_is_compared_separately():
    whole = compared(limits=[9], workers=[1, 3], repeat=2)
    found = compare_with_baseline(whole)
    assert [(each.point.server.workers, each.figure) for each in found] == [
        (1, "median"), (1, "p99"), (3, "median"), (3, "p99"),
    ]  # fmt: skip
    assert [each["server"]["workers"] for each in document(whole)["agreement"]] == [1, 1, 3, 3]


def test_latencies_are_over_all_repeats():
    def spoil(trial):
        return slower_by(trial, 0.5) if trial.planned.repeat == 1 else trial

    whole = compared(limits=[9], repeat=3, spoil={"locust": spoil})
    latencies = [
        row.latency_s
        for checked in whole.trials
        if checked.trial.planned.approach == "locust"
        for row in checked.trial.requests
    ]
    median, p99 = compare_with_baseline(whole)
    assert median.baseline.client_s == percentile(latencies, 50)
    assert p99.baseline.client_s == percentile(latencies, 99) == max(latencies)
    assert (median.ok, p99.ok) == (True, False)


def test_where_bodies_are_handled_there_is_nothing_to_compare():
    """Locust handles none, so its latencies are rightly shorter."""
    spoil = {"asyncio_semaphore": lambda trial: slower_by(trial, 0.1)}
    assert compare_with_baseline(compared(spoil=spoil, handle_s=0.05)) == ()
    assert len(compare_with_baseline(compared(spoil=spoil, handle_s=0.0))) == 2


@pytest.mark.parametrize("names", [("asyncio_semaphore",), ("locust",), ("threads", "locust"), ()])
def test_one_tool_alone_has_no_agreement(names):
    assert compare_with_baseline(compared(names or ("sync",))) == ()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda trial: samples.crashed_trial(trial.planned),
        lambda trial: samples.with_rows(trial, 2, server=None),
        lambda trial: samples.with_rows(trial, 2, status=500),
    ],
)
def test_incomplete_trials_are_left_out(spoil):
    assert compare_with_baseline(compared(spoil={"asyncio_semaphore": spoil})) == ()


DELAYS = st.lists(st.integers(1, 50).map(lambda n: n / 100), min_size=1, max_size=40)


@given(delays_s=DELAYS, bound=st.integers(1, 12), slots=st.integers(1, 12))
def test_the_log_of_a_first_come_first_served_server_gives_every_latency(delays_s, bound, slots):
    """Simulated: `bound` requests stay in flight, and `slots` of them are served at once in the order of sending."""
    rows = _served(delays_s, bound, slots)
    expected = expected_latencies(_trial(rows, len(rows), bound))
    assert expected == pytest.approx([row.latency_s for row in rows])


@given(seed=st.integers(0, 2**32 - 1), sigma=st.sampled_from([0.5, 1.0, 1.5]), bound=st.integers(1, 12))
def test_the_log_always_supports_tools_without_error(seed, sigma, bound):
    behaviour = Behaviour(seed=seed, sigma=sigma)
    delays_s = [decide_action(behaviour, 0.3, number, 1).seconds for number in range(1, 31)]

    def measure(trial):
        return replace(trial, requests=tuple(_served(delays_s, trial.planned.bound, slots=3)))

    found = compare_with_baseline(compared(requests=[30], limits=[bound], spoil=dict.fromkeys(PAIR, measure)))
    assert [each.supported for each in found] == ["both", "both"]


def test_an_empty_log_gives_no_latency():
    assert expected_latencies(samples.with_rows(samples.good_trial(), server=None)) == []


def _trial(rows: list[RequestRow], count: int, bound: int) -> Trial:
    wanted = replace(samples.planned("asyncio_semaphore", requests=count, limit=min(bound, count)), bound=bound)
    return replace(samples.good_trial(wanted), requests=tuple(rows))


def _served(delays_s: list[float], bound: int, slots: int) -> list[RequestRow]:
    """The rows of a client that keeps `bound` requests in flight; only the server takes time."""
    places, free = [0.0] * bound, [0.0] * slots
    heapify(places)
    heapify(free)
    rows = []
    for number, delay_s in enumerate(delays_s, 1):
        sent_s = places[0]
        begins_s = max(sent_s, free[0])
        end_s = begins_s + delay_s
        heapreplace(free, end_s)
        heapreplace(places, end_s)
        row = RequestRow(
            id=number, lane="", pid=1, start_s=sent_s, connected_s=None, sent_s=None, first_byte_s=None, end_s=end_s,
            status=200, bytes=9, error=None, server=ServerRow(number, 1, begins_s, end_s, 200),
        )  # fmt: skip
        rows.append(row)
    return rows
