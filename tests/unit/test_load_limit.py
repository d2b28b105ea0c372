"""Finding the limit: up step by step until a load is no good."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.load.limit import MOST_STEPS, TRIES, find_limit, what_is_wrong
from labkit.model import Check, ServerConfig
from labkit.model.load import Counts, Knee
from tests.load_samples import open_plan, open_trial

BOUND_S = 3.0
BOUNDLESS = ServerConfig(2, "gevent", 1, 0.1)
BUSY = Check("quiet_machine", False, "others were at work")


def waited(trial, p99_s):
    return replace(trial, response=replace(trial.response, p99=p99_s))


def boundless(rate):
    return open_trial(rate, plan=open_plan(rate, server=BOUNDLESS))


def climb(bad_from, made=boundless):
    """Find the limit of a server that is good below step `bad_from`; also the steps that were run."""
    ran = []

    def run(rate):
        ran.append(rate)
        return waited(made(rate), 99.0) if rate >= bad_from / 2 else made(rate)

    return find_limit(lambda number: number / 2, BOUND_S, run), ran


@given(st.integers(1, MOST_STEPS))
def test_it_goes_up_to_the_first_step_that_is_no_good_and_no_further(bad_from):
    knee, ran = climb(bad_from)
    assert ran == [number / 2 for number in range(1, bad_from + 1)]
    assert knee.first_bad == bad_from / 2
    assert knee.last_good == (None if bad_from == 1 else (bad_from - 1) / 2)
    assert knee.capacity_per_s is None, "nothing bounds such a server"
    assert knee.why == "the p99 of what a user waits was 99.000 s, more than 3 s"


@pytest.mark.parametrize("times", range(TRIES + 1))
def test_a_step_that_cannot_be_trusted_is_run_again(times):
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


def test_a_step_that_never_can_be_trusted_leaves_the_limit_open_above_the_last_good_one():
    def run(rate):
        return open_trial(rate, checks=(BUSY,) if rate == 3 else ())

    why = "inconclusive at 3 a second: the figures cannot be trusted: quiet_machine: others were at work"
    assert find_limit(float, BOUND_S, run) == Knee(2.0, None, why, 3.0)


@pytest.mark.parametrize("checks", [(), (BUSY,)])
@pytest.mark.parametrize("p99_s", [0.5, 99.0])
def test_more_than_the_workers_can_answer_is_never_good_and_no_matter_of_trust(checks, p99_s):
    """However soon a short load was answered: the queue has only begun to grow."""
    ran = []

    def run(rate):
        ran.append(rate)
        return open_trial(rate) if rate <= 3 else waited(open_trial(rate, checks=checks), p99_s)

    knee = find_limit(float, BOUND_S, run)
    assert ran == [1.0, 2.0, 3.0, 4.0], "what they can just answer may be good"
    why = "it is more than the 3 a second that the workers can answer: the queue would go on growing"
    assert knee == Knee(3.0, 4.0, why, 3.0)


def test_answers_that_never_came_are_no_matter_of_trust():
    lost = replace(open_trial(), counts=Counts(60, 50, 48, 0, 2, 10), checks=(Check("accounted", False, "2 lost"),))
    ran = []
    find_limit(float, BOUND_S, lambda rate: ran.append(rate) or lost)
    assert ran == [1.0]


def test_requests_that_failed_are_no_matter_of_trust():
    error = "2 of 60 requests failed: status 500"
    failed = open_trial(outcome="failed", error=error, counts=Counts(60, 60, 58, 2), checks=(BUSY,))
    ran = []
    knee = find_limit(float, BOUND_S, lambda rate: ran.append(rate) or failed)
    assert ran == [1.0]
    assert knee == Knee(None, 1.0, error, 3.0)


def test_a_server_that_takes_everything_ends_it_after_so_many_steps():
    knee, ran = climb(MOST_STEPS + 1)
    assert len(ran) == MOST_STEPS
    assert knee == Knee(MOST_STEPS / 2, None, f"no limit found in {MOST_STEPS} steps", None)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"outcome": "crashed", "error": "killed by SIGKILL"}, "killed by SIGKILL"),
        ({"outcome": "interrupted"}, "interrupted"),
        (
            {"outcome": "failed", "error": "2 of 60 requests failed: status 500", "counts": Counts(60, 60, 58, 2)},
            "2 of 60 requests failed: status 500",
        ),
        (
            {"outcome": "failed", "error": "not one request was due in that time", "counts": Counts()},
            "not one request was due in that time",
        ),
        ({"counts": Counts(60, 50, 48, 0, 2, 10)}, "12 of 60 arrivals were not answered"),
        ({"counts": Counts(60, 0, 0, 0, 0, 60), "response": None}, "60 of 60 arrivals were not answered"),
        (
            {"checks": (Check("accounted", None, "?"), Check("generator", False, "it was busy"))},
            "the figures cannot be trusted: generator: it was busy",
        ),
    ],
)
def test_what_is_wrong_is_told(changes, why):
    assert what_is_wrong(open_trial(**changes), BOUND_S) == why


@given(st.floats(0.001, 3600), st.floats(0.001, 3600))
def test_the_p99_may_reach_the_bound_and_not_pass_it(p99_s, bound_s):
    assert (what_is_wrong(waited(open_trial(), p99_s), bound_s) is None) == (p99_s <= bound_s)


def test_a_check_that_could_not_be_made_speaks_against_nothing():
    assert what_is_wrong(open_trial(checks=(Check("littles_law", None, "too short"),)), BOUND_S) is None
