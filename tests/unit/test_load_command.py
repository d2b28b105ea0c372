"""A load run passes or fails, and options that exclude Locust's page are named."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace

import pytest

from labkit.commands import load as command
from labkit.model import Check
from labkit.model.errors import UsageError
from labkit.model.load import Counts, Knee, Verdict
from labkit.options import parser
from tests.load_samples import load_run, open_trial

ODD = (Check("server_log", False, "7 is missing"), Check("littles_law", None, "too short"))
ABSTAINING = ODD[1:]
SOME_FAILED = open_trial(
    outcome="failed", error="2 of 60 requests failed: status 500", counts=Counts(60, 60, 58, 2, late=0)
)
ALL_FAILED = replace(SOME_FAILED, counts=Counts(60, 60, 0, 60, late=0), latency=None, response=None)


@pytest.mark.parametrize(
    ("trial", "answered", "sound"),
    [
        (open_trial(), True, True),
        (SOME_FAILED, True, False),
        (ALL_FAILED, False, False),
        (open_trial(outcome="failed", error="no request was due in that time", counts=Counts()), False, False),
        *((open_trial(outcome=outcome), False, False) for outcome in ("crashed", "interrupted", "timeout")),
    ],
)
def test_a_load_is_answered_checked_and_sound(trial, answered, sound):
    assert (trial.answered, trial.checked, trial.sound) == (answered, True, sound)
    odd = replace(trial, checks=ODD)
    assert (odd.answered, odd.checked, odd.sound) == (answered, False, False)
    assert replace(trial, checks=ABSTAINING).sound is sound


def held(text):
    return Verdict(text, 0.0, failed=False)


@pytest.mark.parametrize(
    ("run", "passed"),
    [
        (load_run(), True),
        (load_run(open_trial(checks=ODD)), False),
        (load_run(verdicts=(held("p99 > 3"),)), True),
        (load_run(verdicts=(held("p99 > 3"), Verdict("late > 5", 6.0, failed=True))), False),
        (load_run(verdicts=(Verdict("p99 > 3", None, failed=True),)), False),
        # Requests that failed.
        (load_run(SOME_FAILED), False),
        (load_run(SOME_FAILED, verdicts=(held("p99 > 3"), held("unanswered > 5"), held("late > 5"))), False),
        *(
            (load_run(SOME_FAILED, verdicts=(held("p99 > 3"), held(text))), True)
            for text in ("failed>5%", " failed > 5")
        ),
        (load_run(SOME_FAILED, verdicts=(Verdict("failed > 1%", 3.3, failed=True),)), False),
        (load_run(replace(SOME_FAILED, checks=ODD), verdicts=(held("failed > 5%"),)), False),
        (load_run(replace(SOME_FAILED, outcome="crashed"), verdicts=(held("failed > 5%"),)), False),
        (load_run(ALL_FAILED, verdicts=(held("failed > 60"),)), False),
        # A search for the limit ends with a failed step.
        (load_run(open_trial(1.0), SOME_FAILED, knee=Knee(1.0, 2.0, "2 of 60 requests failed", 3.0)), True),
        (load_run(SOME_FAILED, knee=Knee(None, 2.0, "2 of 60 requests failed", 3.0)), False),
        (load_run(knee=Knee(2.0, None, "no limit found in 30 steps", None)), False),
        (load_run(knee=Knee(None, None, "inconclusive at 1 per second", 3.0)), False),
    ],
)
def test_a_load_run_passes(run, passed):
    assert command.passed(run) is passed


def options(line) -> Namespace:
    return parser().parse_args(["load", *line.split()])


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("--port 8089", "--port"),
        ("--port 8089 --users 3", "--port"),
        ("--ui --users 3", "--users"),
        ("--ui --users 3 --spawn-rate 1", "--users, --spawn-rate"),
        ("--ui --rate 3 --arrivals poisson", "--rate, --arrivals"),
        ("--ui --duration 3 --requests 5", "--duration, --requests"),
        ("--ui --stop-when p99>3 --fail-when p99>3", "--stop-when, --fail-when"),
        ("--ui --find-limit", "--find-limit"),
    ],
)
def test_options_without_effect_on_locusts_page_are_named_before_anything_starts(line, named):
    with pytest.raises(UsageError) as caught:
        command.run(options(line))
    assert f"{named} " in caught.value.message
    assert caught.value.hint
