"""The search for the limit raises the rate step by step until a load is too much."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.load.limit import MOST_STEPS, TRIES, find_fault, find_limit
from labkit.load.plan import RateSteps
from labkit.model import Check, ServerConfig
from labkit.model.load import Counts, Knee
from tests.load_samples import open_plan, open_trial

BOUND_S = 3.0
BOUNDLESS = ServerConfig(2, "gevent", 1, 0.1)
BUSY = Check("quiet_machine", False, "another program ran")


def waited(trial, p99_s):
    return replace(trial, response=replace(trial.response, p99=p99_s))


def boundless(rate):
    return open_trial(rate, plan=open_plan(rate, server=BOUNDLESS))


def search(bad_from):
    """The limit of a server that is good below step `bad_from`, and the rates that were run."""
    ran = []

    def run(rate):
        ran.append(rate)
        return waited(boundless(rate), 99.0) if rate >= bad_from / 2 else boundless(rate)

    return find_limit(lambda number: number / 2, BOUND_S, run), ran


@given(st.integers(1, MOST_STEPS))
def test_it_ends_at_the_first_step_that_is_too_much(bad_from):
    knee, ran = search(bad_from)
    assert ran == [number / 2 for number in range(1, bad_from + 1)]
    assert knee.first_bad == bad_from / 2
    assert knee.last_good == (None if bad_from == 1 else (bad_from - 1) / 2)
    assert knee.capacity_per_s is None, "such a server has no bound"
    assert knee.why == "the p99 of the response time was 99.000 s, above 3 s"


@pytest.mark.parametrize("times", range(TRIES + 1))
def test_a_doubtful_step_is_repeated(times):
    ran = []

    def run(rate):
        ran.append(rate)
        trial = open_trial(rate)
        return replace(trial, checks=(BUSY,)) if len(ran) <= times else waited(trial, 0.5 if rate == 1 else 99.0)

    knee = find_limit(float, BOUND_S, run)
    if times < TRIES:
        assert ran == [1.0] * (times + 1) + [2.0]
        assert (knee.last_good, knee.first_bad) == (1.0, 2.0)
    else:
        assert ran == [1.0] * TRIES
        assert (knee.last_good, knee.first_bad) == (None, None)


def test_a_step_that_stays_doubtful_leaves_the_limit_open():
    def run(rate):
        return open_trial(rate, checks=(BUSY,) if rate == 3 else ())

    why = "inconclusive at 3 per second: the figures cannot be trusted: quiet_machine: another program ran"
    assert find_limit(float, BOUND_S, run) == Knee(2.0, None, why, 3.0)


@pytest.mark.parametrize("checks", [(), (BUSY,)])
@pytest.mark.parametrize("p99_s", [0.5, 99.0])
def test_a_rate_above_the_capacity_is_too_much_and_not_doubtful(checks, p99_s):
    """Even if a short load was answered in time: the queue has only begun to grow."""
    ran = []

    def run(rate):
        ran.append(rate)
        return open_trial(rate) if rate <= 3 else waited(open_trial(rate, checks=checks), p99_s)

    knee = find_limit(float, BOUND_S, run)
    assert ran == [1.0, 2.0, 3.0, 4.0], "a rate at the capacity may be good"
    why = "it is above the 3 per second that the workers can answer: the queue grows"
    assert knee == Knee(3.0, 4.0, why, 3.0)


def test_steps_that_add_up_to_the_capacity_are_not_above_it():
    server = ServerConfig(1, "sync", 1, 0.3)
    capacity = server.slots / server.delay_s
    rate = RateSteps(capacity / 2, capacity / 10, BOUND_S).rate(6)
    assert rate > capacity, "the sum is inexact"
    assert find_fault(open_trial(rate, plan=open_plan(rate, server=server)), BOUND_S) is None


def test_missing_answers_are_not_doubtful():
    lost = replace(open_trial(), counts=Counts(60, 50, 48, 0, 2, 10), checks=(Check("accounted", False, "2 lost"),))
    ran = []
    find_limit(float, BOUND_S, lambda rate: ran.append(rate) or lost)
    assert ran == [1.0]


def test_failed_requests_are_not_doubtful():
    error = "2 of 60 requests failed: status 500"
    failed = open_trial(outcome="failed", error=error, counts=Counts(60, 60, 58, 2), checks=(BUSY,))
    ran = []
    knee = find_limit(float, BOUND_S, lambda rate: ran.append(rate) or failed)
    assert ran == [1.0]
    assert knee == Knee(None, 1.0, error, 3.0)


def test_without_a_limit_it_ends_after_the_last_step():
    knee, ran = search(MOST_STEPS + 1)
    assert len(ran) == MOST_STEPS
    assert knee == Knee(MOST_STEPS / 2, None, f"no limit found in {MOST_STEPS} steps", None)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"outcome": "crashed", "error": "killed by SIGKILL"}, "killed by SIGKILL"),
        ({"outcome": "interrupted"}, "interrupted"),
        (
            {"outcome": "failed", "error": "2 of 60 requests failed: status 500", "counts": Counts(60, 60, 58, 2)},
            "2 of 60 requests failed: status 500",
        ),
        (
            {"outcome": "failed", "error": "no request was due in that time", "counts": Counts()},
            "no request was due in that time",
        ),
        ({"counts": Counts(60, 50, 48, 0, 2, 10)}, "12 of 60 arrivals were not answered"),
        ({"counts": Counts(60, 0, 0, 0, 0, 60), "response": None}, "60 of 60 arrivals were not answered"),
        (
            {"checks": (Check("accounted", None, "?"), Check("generator", False, "it was busy"))},
            "the figures cannot be trusted: generator: it was busy",
        ),
    ],
)
def test_the_fault_is_named(changes, fault):
    assert find_fault(open_trial(**changes), BOUND_S) == fault


@given(st.floats(0.001, 3600), st.floats(0.001, 3600))
def test_the_p99_may_reach_but_not_exceed_the_bound(p99_s, bound_s):
    assert (find_fault(waited(open_trial(), p99_s), bound_s) is None) == (p99_s <= bound_s)


def test_a_check_that_abstains_is_no_fault():
    assert find_fault(open_trial(checks=(Check("littles_law", None, "too short"),)), BOUND_S) is None
