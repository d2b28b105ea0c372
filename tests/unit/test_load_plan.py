"""From the options of a load to what is run: what is left out gets a default, what cannot be is refused."""

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


def course(**wanted):
    return make_load_test(replace(NOTHING, **wanted))


def test_left_alone_it_is_ten_users_for_ten_seconds():
    found = course()
    assert (found.plan.shape, found.plan.duration_s, found.plan.requests) == (Closed(10, 10.0), 10.0, None)
    assert (found.plan.server, found.plan.order, found.plan.key) == (SERVER, 1, "t1")
    assert (found.stop_when, found.fail_when, found.stairs) == ((), (), None)


def test_users_start_all_at_once_unless_a_rate_is_asked_for():
    assert course(users=30).plan.shape == Closed(30, 30.0)
    assert course(users=30, spawn_rate=0.5).plan.shape == Closed(30, 0.5)


def test_with_a_rate_it_is_open():
    assert course(rate=2.0, seed=7).plan.shape == Open(2.0, "poisson", 7, 1000)
    assert course(rate=2.0, arrivals="constant", users=5).plan.shape == Open(2.0, "constant", 1, 5)


@pytest.mark.parametrize(
    ("wanted", "duration_s"),
    [
        ({"requests": 50}, None),
        ({"requests": 50, "duration_s": 3.0}, 3.0),
        ({"duration_s": 3.0}, 3.0),
        ({"find_limit": True}, 20.0),
        ({"find_limit": True, "requests": 50}, 20.0),
        ({"find_limit": True, "duration_s": 3.0}, 3.0),
    ],
)
def test_only_a_number_of_requests_takes_the_end_from_the_clock(wanted, duration_s):
    plan = course(**wanted).plan
    assert (plan.duration_s, plan.requests) == (duration_s, wanted.get("requests"))


def test_what_else_was_asked_for_is_in_the_plan():
    plan = course(timeout_s=5.0, processes=3, server=BOUNDLESS).plan
    assert (plan.timeout_s, plan.processes, plan.server) == (5.0, 3, BOUNDLESS)


def test_thresholds_are_read_in_their_order():
    found = course(stop_when=("p99 > 3", "failed>1%"), fail_when=("unanswered >= 5",))
    assert [threshold.text for threshold in found.stop_when] == ["p99 > 3", "failed>1%"]
    assert [(each.metric, each.op, each.value, each.percent) for each in found.fail_when] == [
        ("unanswered", ">=", 5, False)
    ]


@pytest.mark.parametrize(
    ("wanted", "first", "step", "bound_s"),
    [
        ({}, 1.5, 0.3, 3.0),
        ({"rate": 2.0, "step": 0.5, "bound_s": 9.0}, 2.0, 0.5, 9.0),
        ({"server": ServerConfig(2, "gthread", 4, 0.5)}, 8.0, 1.6, 1.5),
        ({"server": BOUNDLESS}, 50.0, 50.0, 0.3),
        ({"server": BOUNDLESS, "step": 10.0}, 10.0, 10.0, 0.3),
        ({"server": BOUNDLESS, "rate": 100.0}, 100.0, 50.0, 0.3),
    ],
)
def test_the_stairs_begin_at_half_of_what_the_workers_can_do(wanted, first, step, bound_s):
    stairs = course(find_limit=True, **wanted).stairs
    assert (stairs.first, stairs.step, stairs.bound_s) == pytest.approx((first, step, bound_s))


@given(st.floats(0.001, 1000), st.floats(0.001, 1000), st.integers(1, 30))
def test_a_step_is_the_same_load_at_another_rate(first, step, number):
    found = course(find_limit=True, rate=first, step=step, seed=3, arrivals="constant", users=7)
    rate = found.stairs.rate(number)
    assert rate == pytest.approx(first + step * (number - 1))
    plan = found.at(rate, number)
    assert plan == replace(found.plan, order=number, shape=Open(rate, "constant", 3, 7))
    assert plan.key == f"t{number}"


@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        ({"server": ServerConfig(3, "sync", 4, 1.0)}, ["--worker-threads 4", "--worker-class sync", "gthread"]),
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
def test_what_does_not_go_together_is_named(wanted, named):
    with pytest.raises(UsageError) as caught:
        course(**wanted)
    assert [text for text in named if text not in caught.value.message] == []


@pytest.mark.parametrize(
    "wanted",
    [
        {"server": ServerConfig(3, "gthread", 4, 1.0)},
        {"processes": 10},
        {"processes": 64, "rate": 2.0},
        {"find_limit": True, "arrivals": "constant"},
        {"rate": 2.0, "stop_when": ("response_p99 > 3", "late > 5", "queue > 5")},
    ],
)
def test_what_goes_together_is_taken(wanted):
    assert course(**wanted).plan.processes == wanted.get("processes", 1)
