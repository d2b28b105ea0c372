"""Values of options: what is taken, and what a complaint names."""

from __future__ import annotations

from argparse import ArgumentTypeError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.model.errors import UsageError, nearest
from labkit.options import parser
from labkit.options.common import server_config
from labkit.options.values import choices, integer, number, seconds, several


@given(st.integers(1, 10_000))
def test_a_whole_number_in_range_is_taken(number):
    assert integer(1, 10_000)(str(number)) == number


@given(st.integers().filter(lambda number: not 1 <= number <= 10_000))
def test_a_whole_number_out_of_range_is_not(number):
    with pytest.raises(ArgumentTypeError):
        integer(1, 10_000)(str(number))


@pytest.mark.parametrize("text", ["", " ", "three", "1.0", "1e3", "0x10", "1_0", "+3", "-3", "٣", "³", "9" * 5000])
def test_a_complaint_about_a_number_names_it_and_what_is_allowed(text):
    with pytest.raises(ArgumentTypeError) as caught:
        integer(1, 64)(text)
    assert repr(text) in str(caught.value)
    assert "from 1 to 64" in str(caught.value)


@given(st.floats(0.001, 60))
def test_seconds_in_range_are_taken(value):
    assert seconds(0.001, 60)(repr(value)) == value


@pytest.mark.parametrize(
    "text", ["", "a while", "0", "-1", "60.1", "nan", "inf", "-inf", "1e999", "1_0", "１", "1s", "0,5"]
)
def test_a_complaint_about_seconds_names_them_and_what_is_allowed(text):
    with pytest.raises(ArgumentTypeError) as caught:
        seconds(0.001, 60)(text)
    assert repr(text) in str(caught.value)
    assert "from 0.001 to 60" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "values"), [("3", (3,)), ("3,9", (3, 9)), ("9, 3", (9, 3)), ("3,3,9,3", (3, 9)), ("1,01", (1,))]
)
def test_several_numbers_each_count_once(text, values):
    assert several(integer(1, 64))(text) == values


def test_several_seconds_each_count_once():
    assert several(seconds(0.001, 60))("0.5,1,0.50") == (0.5, 1.0)


@pytest.mark.parametrize("text", ["3,", ",3", "3,,9", "3;9", "3 9", "3,999"])
def test_one_bad_number_of_several_is_enough(text):
    with pytest.raises(ArgumentTypeError, match="from 1 to 64"):
        several(integer(1, 64))(text)


def test_a_choice_is_taken_alone_or_with_others():
    allowed = ("sync", "gthread", "gevent")
    assert choices(allowed)("gevent") == "gevent"
    assert several(choices(allowed))("gevent,sync,gevent") == ("gevent", "sync")


def test_a_complaint_about_a_choice_names_it_all_choices_and_the_nearest():
    with pytest.raises(ArgumentTypeError) as caught:
        several(choices(("sync", "gthread", "gevent")))("sync,gtread")
    message = str(caught.value)
    assert "'gtread'" in message
    assert "sync, gthread, gevent" in message
    assert "did you mean gthread?" in message


def test_what_is_like_nothing_gets_no_suggestion():
    assert nearest("quux", ("sync", "threads")) == ""


@given(st.floats(0.001, 100_000))
def test_a_number_in_range_is_taken(value):
    assert number(0.001, 100_000, "arrivals per second")(repr(value)) == value


@pytest.mark.parametrize("text", ["", "fast", "0", "-2", "100001", "nan", "inf", "2/s", "1_0", "２"])
def test_a_complaint_about_a_number_names_its_unit_too(text):
    with pytest.raises(ArgumentTypeError) as caught:
        number(0.001, 100_000, "arrivals per second")(text)
    assert str(caught.value) == f"{text!r} is not a number of arrivals per second from 0.001 to 100000"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--users", "0"], "'0' is not a whole number from 1 to 10000"),
        (["--users", "10001"], "from 1 to 10000"),
        (["--spawn-rate", "0"], "'0' is not a number of users per second from 0.01 to 10000"),
        (["--rate", "-1"], "'-1' is not a number of arrivals per second from 0.001 to 100000"),
        (["--rate", "nan"], "'nan'"),
        (["--arrivals", "poison"], "did you mean poisson?"),
        (["--seed", "x"], "'x'"),
        (["--duration", "0"], "'0' is not a number of seconds from 0.1 to 86400"),
        (["--requests", "0"], "from 1 to 100000000"),
        (["--timeout", "3601"], "from 0.1 to 3600"),
        (["--processes", "65"], "from 1 to 64"),
        (["--step", "0"], "arrivals per second"),
        (["--bound", "0"], "from 0.001 to 3600"),
        (["--port", "70000"], "from 1 to 65535"),
        (["--worker-class", "gtread"], "did you mean gthread?"),
        (["--workers", "1,3"], "'1,3'"),
        (["--format", "jsn"], "did you mean json?"),
    ],
)
def test_a_bad_option_of_a_load_is_named_and_is_bad_usage(options, named):
    with pytest.raises(UsageError) as caught:
        parser().parse_args(["load", *options])
    assert caught.value.exit_code == 2
    assert options[0] in caught.value.message
    assert named in caught.value.message


def test_options_of_a_load_that_are_left_out_are_left_open():
    options = parser().parse_args(["load"])
    open_ = ("users", "spawn_rate", "rate", "arrivals", "duration_s", "requests", "step", "bound_s")
    assert {name: getattr(options, name) for name in open_} == dict.fromkeys(open_)
    assert (options.seed, options.timeout_s, options.processes, options.port) == (1, 60.0, 1, None)
    assert (options.stop_when, options.fail_when, options.find_limit, options.ui) == ([], [], False, False)


def test_thresholds_may_be_given_several_times():
    options = parser().parse_args(["load", "--stop-when", "p99 > 3", "--fail-when", "late > 1", "--stop-when", "p50>1"])
    assert (options.stop_when, options.fail_when) == (["p99 > 3", "p50>1"], ["late > 1"])


@pytest.mark.parametrize("command", ["load", "up", "trace my.py"])
def test_threads_in_workers_without_threads_are_bad_usage(command):
    name, *rest = command.split()
    options = parser().parse_args([name, "--worker-threads", "4", *rest])
    with pytest.raises(UsageError, match=r"--worker-threads 4 with --worker-class sync.*only gthread") as caught:
        server_config(options)
    assert caught.value.hint == "Add --worker-class gthread."
