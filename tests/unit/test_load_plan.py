"""The options of a load test are completed with defaults, and refused if they exclude each other."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.load.plan import LoadRequest, make_load_test
from labkit.model import ServerConfig
from labkit.model.errors import UsageError
from labkit.model.load import Closed, Open

SERVER = ServerConfig(3, "sync", 1, 1.0)
BOUNDLESS = ServerConfig(2, "gevent", 1, 0.1)
NOTHING = LoadRequest(
    server=SERVER,
    users=None,
    spawn_rate=None,
    rate=None,
    arrivals=None,
    seed=1,
    duration_s=None,
    requests=None,
    timeout_s=60.0,
    processes=1,
    stop_when=(),
    fail_when=(),
    find_limit=False,
    step=None,
    bound_s=None,
)


def load_test(**options):
    return make_load_test(replace(NOTHING, **options))


def test_by_default_it_is_ten_users_for_ten_seconds():
    test = load_test()
    assert (test.plan.shape, test.plan.duration_s, test.plan.requests) == (Closed(10, 10.0), 10.0, None)
    assert (test.plan.server, test.plan.order, test.plan.key) == (SERVER, 1, "t1")
    assert (test.stop_when, test.fail_when, test.rate_steps) == ((), (), None)


def test_users_start_at_once_without_a_spawn_rate():
    assert load_test(users=30).plan.shape == Closed(30, 30.0)
    assert load_test(users=30, spawn_rate=0.5).plan.shape == Closed(30, 0.5)


def test_with_a_rate_it_is_open():
    assert load_test(rate=2.0, seed=7).plan.shape == Open(2.0, "poisson", 7, 1000)
    assert load_test(rate=2.0, arrivals="constant", users=5).plan.shape == Open(2.0, "constant", 1, 5)


@pytest.mark.parametrize(
    ("options", "duration_s"),
    [
        ({"requests": 50}, None),
        ({"requests": 50, "duration_s": 3.0}, 3.0),
        ({"duration_s": 3.0}, 3.0),
        ({"find_limit": True}, 20.0),
        ({"find_limit": True, "requests": 50}, 20.0),
        ({"find_limit": True, "duration_s": 3.0}, 3.0),
    ],
)
def test_a_number_of_requests_replaces_the_default_duration(options, duration_s):
    plan = load_test(**options).plan
    assert (plan.duration_s, plan.requests) == (duration_s, options.get("requests"))


def test_other_options_are_in_the_plan():
    plan = load_test(timeout_s=5.0, processes=3, server=BOUNDLESS).plan
    assert (plan.timeout_s, plan.processes, plan.server) == (5.0, 3, BOUNDLESS)


def test_thresholds_keep_their_order():
    test = load_test(stop_when=("p99 > 3", "failed>1%"), fail_when=("unanswered >= 5",))
    assert [threshold.text for threshold in test.stop_when] == ["p99 > 3", "failed>1%"]
    assert [(each.metric, each.op, each.value, each.percent) for each in test.fail_when] == [
        ("unanswered", ">=", 5, False)
    ]


@pytest.mark.parametrize(
    ("options", "first", "step", "bound_s"),
    [
        ({}, 1.5, 0.3, 3.0),
        ({"rate": 2.0, "step": 0.5, "bound_s": 9.0}, 2.0, 0.5, 9.0),
        ({"server": ServerConfig(2, "gthread", 4, 0.5)}, 8.0, 1.6, 1.5),
        ({"server": BOUNDLESS}, 50.0, 50.0, 0.3),
        ({"server": BOUNDLESS, "step": 10.0}, 10.0, 10.0, 0.3),
        ({"server": BOUNDLESS, "rate": 100.0}, 100.0, 50.0, 0.3),
    ],
)
def test_the_rates_start_at_half_the_capacity(options, first, step, bound_s):
    steps = load_test(find_limit=True, **options).rate_steps
    assert (steps.first, steps.step, steps.bound_s) == pytest.approx((first, step, bound_s))


@given(st.floats(0.001, 1000), st.floats(0.001, 1000), st.integers(1, 30))
def test_a_step_is_the_same_load_at_another_rate(first, step, number):
    test = load_test(find_limit=True, rate=first, step=step, seed=3, arrivals="constant", users=7)
    rate = test.rate_steps.rate(number)
    assert rate == pytest.approx(first + step * (number - 1))
    plan = test.at(rate, number)
    assert plan == replace(test.plan, order=number, shape=Open(rate, "constant", 3, 7))
    assert plan.key == f"t{number}"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"rate": 2.0, "spawn_rate": 1.0}, ["--spawn-rate", "--rate"]),
        ({"find_limit": True, "spawn_rate": 1.0}, ["--spawn-rate", "--find-limit"]),
        ({"arrivals": "poisson"}, ["--arrivals", "--rate"]),
        ({"step": 1.0}, ["--step", "--find-limit"]),
        ({"bound_s": 1.0, "rate": 2.0}, ["--bound", "--find-limit"]),
        ({"processes": 11}, ["--processes 11", "--users 10"]),
        ({"processes": 3, "users": 2}, ["--processes 3", "--users 2"]),
        ({"processes": 6, "users": 5, "rate": 2.0}, ["--processes 6", "--users 5"]),
        ({"stop_when": ("p99 > 3", "p98 > 3")}, ["--stop-when", "'p98'", "p99"]),
        ({"fail_when": ("much",)}, ["--fail-when", "'much'", "p99 > 3"]),
        ({"fail_when": ("p99 > 1%",)}, ["--fail-when", "p99 > 1%", "failed and unanswered and late"]),
        ({"stop_when": ("response_p99 > 3",)}, ["--stop-when", "'response_p99 > 3'", "closed load"]),
        ({"fail_when": ("p99 > 3", "late > 5")}, ["--fail-when", "'late > 5'", "closed load"]),
        ({"fail_when": ("queue > 5",), "server": BOUNDLESS}, ["--fail-when", "'queue > 5'", "gevent"]),
        ({"find_limit": True, "fail_when": ("p99 > 3",)}, ["--find-limit", "--fail-when"]),
        ({"find_limit": True, "stop_when": ("p99 > 3",)}, ["--find-limit", "--stop-when"]),
    ],
)
def test_options_that_exclude_each_other_are_named(options, named):
    with pytest.raises(UsageError) as caught:
        load_test(**options)
    assert [text for text in named if text not in caught.value.message] == []


@pytest.mark.parametrize(
    "options",
    [
        {"server": ServerConfig(3, "gthread", 4, 1.0)},
        {"processes": 10},
        {"processes": 64, "rate": 2.0},
        {"find_limit": True, "arrivals": "constant"},
        {"rate": 2.0, "stop_when": ("response_p99 > 3", "late > 5", "queue > 5")},
    ],
)
def test_options_that_agree_are_accepted(options):
    assert load_test(**options).plan.processes == options.get("processes", 1)
