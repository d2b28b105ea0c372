"""What the server does in a scenario: numbers that are exact, draws that anyone can repeat, and its memory of them."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit import scenarios
from server import limit
from server.behaviour import FAILURES, HAND, Behaviour, BehaviourError, act, from_json
from server.memory import IDS, TRIALS, Memory

SEEDS = st.integers(0, 1000)
HANDS = st.integers(0, 100).map(lambda n: range(n * HAND + 1, (n + 1) * HAND + 1))
PARTS = st.integers(0, HAND)
DELAYS = st.floats(0.001, 60)
BEHAVIOURS = st.builds(
    Behaviour,
    seed=SEEDS,
    spread=st.floats(0, 1),
    sigma=st.floats(0, 2),
    hang=st.integers(0, 5),
    drip=st.integers(0, 5),
    drip_s=st.floats(0, 10),
    fail=PARTS,
    most_in_a_row=st.integers(0, 5),
    rate=st.floats(0, 100),
    burst=st.integers(1, 10),
    ban_after=st.integers(0, 50),
    ban_s=st.floats(0, 60),
    crash_at=st.integers(0, 20),
    restart_at=st.integers(0, 20),
    away_s=st.floats(0, 10),
    body_bytes=st.integers(0, 10**7),
)


def kinds(behaviour, ids, attempt=1):
    return [act(behaviour, 1.0, n, attempt).kind for n in ids]


@given(SEEDS, HANDS, st.integers(0, 5), st.integers(0, 5))
def test_of_every_ten_exactly_so_many_hang_and_drip(seed, hand, hang, drip):
    met = kinds(Behaviour(seed=seed, hang=hang, drip=drip), hand)
    assert (met.count("hang"), met.count("drip"), met.count("answer")) == (hang, drip, HAND - hang - drip)


@given(SEEDS, HANDS, PARTS, st.integers(1, 3))
def test_of_every_ten_exactly_so_many_fail_at_each_attempt(seed, hand, fail, attempt):
    met = kinds(Behaviour(seed=seed, fail=fail), hand, attempt)
    assert sum(kind in FAILURES for kind in met) == fail


@given(BEHAVIOURS, DELAYS, st.integers(1, 10_000), st.integers(1, 9))
def test_the_same_arguments_meet_the_same(behaviour, delay_s, request_id, attempt):
    met = act(behaviour, delay_s, request_id, attempt)
    assert met == act(from_json(behaviour.to_json()), delay_s, request_id, attempt)
    assert met.seconds >= 0


def test_draws_are_the_same_on_every_machine():
    behaviour = Behaviour(seed=1, hang=1, drip=1, fail=2)
    assert kinds(behaviour, range(1, 11)) == [
        "answer",
        "reset_before",
        "answer",
        "answer",
        "answer",
        "answer",
        "drip",
        "answer",
        "reset_within",
        "hang",
    ]


def test_seeds_differ():
    assert len({tuple(kinds(Behaviour(seed=seed, hang=1, fail=3), range(1, 31))) for seed in range(20)}) == 20


@given(SEEDS, st.integers(1, 10_000), PARTS, st.integers(0, 5))
def test_no_request_fails_more_than_so_often(seed, request_id, fail, most):
    behaviour = Behaviour(seed=seed, fail=fail, most_in_a_row=most)
    met = [act(behaviour, 1.0, request_id, attempt).kind for attempt in range(1, 12)]
    assert sum(kind in FAILURES for kind in met) <= most
    assert set(met[most:]) == {"answer"}


@pytest.mark.parametrize("kind", FAILURES)
def test_each_way_to_fail_is_met_about_as_often(kind):
    met = kinds(Behaviour(fail=10), range(1, 901))
    assert 240 < met.count(kind) < 360  # four standard deviations


@given(SEEDS, st.integers(1, 5), st.integers(1, 10_000))
def test_who_hangs_does_so_at_every_attempt(seed, hang, request_id):
    behaviour = Behaviour(seed=seed, hang=hang, fail=5)
    met = [act(behaviour, 1.0, request_id, attempt).kind for attempt in range(1, 9)]
    assert met.count("hang") in {0, 8}


@pytest.mark.parametrize(
    ("kind", "behaviour"), [("crash", Behaviour(crash_at=3)), ("restart", Behaviour(restart_at=3))]
)
def test_a_process_is_ended_once_in_the_middle_of_a_request(kind, behaviour):
    acts = {(n, attempt): act(behaviour, 1.0, n, attempt) for n in range(1, 11) for attempt in (1, 2)}
    assert [(where, met.seconds) for where, met in acts.items() if met.kind == kind] == [((3, 1), 0.5)]


@given(SEEDS, st.floats(0, 1), DELAYS)
def test_a_uniform_delay_lies_within_its_spread(seed, spread, delay_s):
    seconds = [act(Behaviour(seed=seed, spread=spread), delay_s, n, 1).seconds for n in range(1, 21)]
    assert all((1 - spread) * delay_s <= s <= (1 + spread) * delay_s for s in seconds)


def test_uniform_delays_fill_their_spread():
    seconds = [act(Behaviour(spread=0.5), 1.0, n, 1).seconds for n in range(1, 1001)]
    assert min(seconds) < 0.51
    assert max(seconds) > 1.49
    assert sum(seconds) / 1000 == pytest.approx(1, abs=0.04)  # four standard errors


def test_log_normal_delays_have_the_fixed_one_as_their_median_and_a_heavy_tail():
    logs = [math.log(act(Behaviour(sigma=1.0), 1.0, n, 1).seconds) for n in range(1, 1001)]
    assert median(logs) == pytest.approx(0, abs=0.16)  # four standard errors
    assert sum(s * s for s in logs) / 1000 == pytest.approx(1, abs=0.18)


@given(BEHAVIOURS)
def test_json_and_back(behaviour):
    assert from_json(behaviour.to_json()) == behaviour
    assert "\n" not in behaviour.to_json()


@given(SEEDS)
def test_a_seed_alone_is_plain(seed):
    assert Behaviour(seed=seed).plain
    assert not Behaviour(seed=seed, fail=1).plain


@pytest.mark.parametrize("name", scenarios.names())
def test_each_scenario_has_a_behaviour_that_goes_to_the_server_and_back(name):
    behaviour = scenarios.load(name).behaviour
    assert from_json(behaviour.to_json()) == behaviour


NONSENSE = [
    "",
    "flaky",
    "[]",
    "3",
    "null",
    '"fail"',
    '{"fail": 2',
    '{"fail": null}',
    '{"fail": []}',
    '{"fail": "two"}',
    '{"mood": 1}',
    '{"fail": -1}',
    '{"away_s": NaN}',
    '{"away_s": Infinity}',
    '{"fail": Infinity}',
    '{"fail": 1e999}',
    '{"spread": 1.5}',
    "[" * 100_000,
]


@pytest.mark.parametrize("text", NONSENSE, ids=lambda text: text[:20])
def test_nonsense_is_no_behaviour(text):
    with pytest.raises(BehaviourError):
        from_json(text)


@given(st.text() | st.recursive(st.none() | st.floats() | st.text(), st.lists).map(json.dumps))
def test_any_text_is_a_behaviour_or_an_error_of_its_own(text):
    with suppress(BehaviourError):
        assert isinstance(from_json(text), Behaviour)


def test_a_trial_is_remembered_until_others_take_its_place():
    memory = Memory()
    for number in range(TRIALS):
        assert memory.trial(f"t{number}").count(7) == 1
    for number in range(TRIALS):
        assert memory.trial(f"t{number}").count(7) == 2
    assert memory.trial("one more").count(7) == 1
    assert [memory.trial(f"t{number}").count(7) for number in range(1, TRIALS)] == [3] * (TRIALS - 1)
    assert memory.trial("t0").count(7) == 1


@pytest.mark.parametrize(("request_id", "counts"), [(0, [0, 0]), (1, [1, 2]), (IDS, [1, 2]), (IDS + 1, [0, 0])])
def test_ids_that_are_counted(request_id, counts):
    trial = Memory().trial("t")
    assert [trial.count(request_id) for _ in range(2)] == counts
    assert trial.full_at_s == 0, "nothing beside the counts is changed"


@given(st.floats(0.1, 100), st.integers(1, 20), st.lists(st.floats(0, 5), min_size=1, max_size=100))
def test_no_more_than_the_burst_and_the_rate_are_let_through(rate, burst, pauses):
    behaviour = Behaviour(rate=rate, burst=burst)
    trial, now_s, let_through = Memory().trial("t"), 1000.0, []
    for pause_s in pauses:
        now_s += pause_s
        early_s = limit.early_s(trial, behaviour, now_s)
        if early_s == 0:
            let_through.append(now_s)
        else:
            assert 0 < early_s <= 1 / rate * 1.000001
    for i, first_s in enumerate(let_through):
        for j, last_s in enumerate(let_through[i:], 1):
            assert j <= burst + (last_s - first_s) * rate + 1e-3


@given(st.floats(0.1, 100), st.integers(1, 20))
def test_who_keeps_to_the_rate_is_never_early(rate, burst):
    trial, behaviour = Memory().trial("t"), Behaviour(rate=rate, burst=burst)
    assert [limit.early_s(trial, behaviour, 1000.0) for _ in range(burst)] == [0] * burst
    assert [limit.early_s(trial, behaviour, 1000.0 + n / rate) for n in range(1, 100)] == [0] * 99


@given(st.floats(0.1, 100), st.integers(1, 20))
def test_who_comes_when_told_is_not_early_again(rate, burst):
    trial, behaviour = Memory().trial("t"), Behaviour(rate=rate, burst=burst, ban_after=1, ban_s=60)
    now_s = 1000.0
    for _ in range(20):
        while (early_s := limit.early_s(trial, behaviour, now_s)) == 0:
            pass
        assert early_s < math.inf
        now_s += limit.retry_after_s(early_s)
        assert limit.early_s(trial, behaviour, now_s) == 0


def test_an_answer_makes_up_for_what_was_ignored():
    trial, behaviour = Memory().trial("t"), Behaviour(rate=4.0, burst=1, ban_after=3, ban_s=2.0)
    early = [limit.early_s(trial, behaviour, now_s) for now_s in (0, 0, 0, 0, 0.25, 0.25, 0.25, 0.25, 0.5, 2.24, 2.25)]
    assert early == [0, 0.25, 0.25, 0.25, 0, 0.25, 0.25, 0.25, math.inf, math.inf, 0]
