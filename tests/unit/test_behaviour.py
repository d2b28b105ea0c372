"""The behaviour of the server in a scenario: exact fault counts, reproducible faults, attempts and the rate limit."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit import scenarios
from server import rate_limit
from server.behaviour import FAILURES, GROUP_SIZE, Behaviour, BehaviourError, decide_action, from_json
from server.memory import IDS, TRIALS, Memory

SEEDS = st.integers(0, 1000)
GROUPS = st.integers(0, 100).map(lambda n: range(n * GROUP_SIZE + 1, (n + 1) * GROUP_SIZE + 1))
COUNTS = st.integers(0, GROUP_SIZE)
DELAYS = st.floats(0.001, 60)
BEHAVIOURS = st.builds(
    Behaviour,
    seed=SEEDS,
    spread=st.floats(0, 1),
    sigma=st.floats(0, 2),
    hang=st.integers(0, 5),
    drip=st.integers(0, 5),
    drip_s=st.floats(0, 10),
    fail=COUNTS,
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
    return [decide_action(behaviour, 1.0, n, attempt).kind for n in ids]


@given(SEEDS, GROUPS, st.integers(0, 5), st.integers(0, 5))
def test_every_ten_requests_have_exactly_the_configured_hangs_and_drips(seed, group, hang, drip):
    actions = kinds(Behaviour(seed=seed, hang=hang, drip=drip), group)
    assert (actions.count("hang"), actions.count("drip"), actions.count("answer")) == (
        hang,
        drip,
        GROUP_SIZE - hang - drip,
    )


@given(SEEDS, GROUPS, COUNTS, st.integers(1, 3))
def test_exactly_the_configured_number_of_every_ten_fail_at_each_attempt(seed, group, fail, attempt):
    actions = kinds(Behaviour(seed=seed, fail=fail), group, attempt)
    assert sum(kind in FAILURES for kind in actions) == fail


@given(BEHAVIOURS, DELAYS, st.integers(1, 10_000), st.integers(1, 9))
def test_equal_arguments_give_equal_actions(behaviour, delay_s, request_id, attempt):
    action = decide_action(behaviour, delay_s, request_id, attempt)
    assert action == decide_action(from_json(behaviour.to_json()), delay_s, request_id, attempt)
    assert action.seconds >= 0


def test_actions_are_equal_on_every_machine():
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


def test_different_seeds_give_different_actions():
    assert len({tuple(kinds(Behaviour(seed=seed, hang=1, fail=3), range(1, 31))) for seed in range(20)}) == 20


@given(SEEDS, st.integers(1, 10_000), COUNTS, st.integers(0, 5))
def test_no_request_fails_more_often_than_most_in_a_row(seed, request_id, fail, most):
    behaviour = Behaviour(seed=seed, fail=fail, most_in_a_row=most)
    actions = [decide_action(behaviour, 1.0, request_id, attempt).kind for attempt in range(1, 12)]
    assert sum(kind in FAILURES for kind in actions) <= most
    assert set(actions[most:]) == {"answer"}


@pytest.mark.parametrize("kind", FAILURES)
def test_the_kinds_of_failure_are_equally_frequent(kind):
    actions = kinds(Behaviour(fail=10), range(1, 901))
    assert 240 < actions.count(kind) < 360  # four standard deviations


@given(SEEDS, st.integers(1, 5), st.integers(1, 10_000))
def test_a_request_that_hangs_does_so_at_every_attempt(seed, hang, request_id):
    behaviour = Behaviour(seed=seed, hang=hang, fail=5)
    actions = [decide_action(behaviour, 1.0, request_id, attempt).kind for attempt in range(1, 9)]
    assert actions.count("hang") in {0, 8}


@pytest.mark.parametrize(
    ("kind", "behaviour"), [("crash", Behaviour(crash_at=3)), ("restart", Behaviour(restart_at=3))]
)
def test_a_crash_or_restart_happens_once_half_way_through_its_request(kind, behaviour):
    actions = {(n, attempt): decide_action(behaviour, 1.0, n, attempt) for n in range(1, 11) for attempt in (1, 2)}
    assert [(key, action.seconds) for key, action in actions.items() if action.kind == kind] == [((3, 1), 0.5)]


@given(SEEDS, st.floats(0, 1), DELAYS)
def test_uniform_delays_are_within_the_spread(seed, spread, delay_s):
    seconds = [decide_action(Behaviour(seed=seed, spread=spread), delay_s, n, 1).seconds for n in range(1, 21)]
    assert all((1 - spread) * delay_s <= s <= (1 + spread) * delay_s for s in seconds)


def test_uniform_delays_cover_the_spread():
    seconds = [decide_action(Behaviour(spread=0.5), 1.0, n, 1).seconds for n in range(1, 1001)]
    assert min(seconds) < 0.51
    assert max(seconds) > 1.49
    assert sum(seconds) / 1000 == pytest.approx(1, abs=0.04)  # four standard errors


def test_log_normal_delays_have_the_fixed_delay_as_median_and_a_heavy_tail():
    logs = [math.log(decide_action(Behaviour(sigma=1.0), 1.0, n, 1).seconds) for n in range(1, 1001)]
    assert median(logs) == pytest.approx(0, abs=0.16)  # four standard errors
    assert sum(s * s for s in logs) / 1000 == pytest.approx(1, abs=0.18)


@given(BEHAVIOURS)
def test_a_behaviour_survives_a_json_round_trip(behaviour):
    assert from_json(behaviour.to_json()) == behaviour
    assert "\n" not in behaviour.to_json()


@given(SEEDS)
def test_a_behaviour_with_only_a_seed_is_plain(seed):
    assert Behaviour(seed=seed).plain
    assert not Behaviour(seed=seed, fail=1).plain


@pytest.mark.parametrize("name", scenarios.names())
def test_the_behaviour_of_each_scenario_survives_a_json_round_trip(name):
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
def test_invalid_text_is_rejected(text):
    with pytest.raises(BehaviourError):
        from_json(text)


@given(st.text() | st.recursive(st.none() | st.floats() | st.text(), st.lists).map(json.dumps))
def test_any_text_gives_a_behaviour_or_a_behaviour_error(text):
    with suppress(BehaviourError):
        assert isinstance(from_json(text), Behaviour)


def test_a_trial_is_kept_until_newer_trials_replace_it():
    memory = Memory()
    for number in range(TRIALS):
        assert memory.trial(f"t{number}").count_attempt(7) == 1
    for number in range(TRIALS):
        assert memory.trial(f"t{number}").count_attempt(7) == 2
    assert memory.trial("one more").count_attempt(7) == 1
    assert [memory.trial(f"t{number}").count_attempt(7) for number in range(1, TRIALS)] == [3] * (TRIALS - 1)
    assert memory.trial("t0").count_attempt(7) == 1


@pytest.mark.parametrize(("request_id", "counts"), [(0, [0, 0]), (1, [1, 2]), (IDS, [1, 2]), (IDS + 1, [0, 0])])
def test_attempts_are_counted_for_ids_within_the_range(request_id, counts):
    trial = Memory().trial("t")
    assert [trial.count_attempt(request_id) for _ in range(2)] == counts
    assert trial.full_at_s == 0, "only the counts change"


@given(st.floats(0.1, 100), st.integers(1, 20), st.lists(st.floats(0, 5), min_size=1, max_size=100))
def test_the_bucket_allows_no_more_than_the_burst_and_the_rate(rate, burst, pauses):
    behaviour = Behaviour(rate=rate, burst=burst)
    trial, now_s, allowed = Memory().trial("t"), 1000.0, []
    for pause_s in pauses:
        now_s += pause_s
        wait_s = rate_limit.take_token(trial, behaviour, now_s)
        if wait_s == 0:
            allowed.append(now_s)
        else:
            assert 0 < wait_s <= 1 / rate * 1.000001
    for i, first_s in enumerate(allowed):
        for j, last_s in enumerate(allowed[i:], 1):
            assert j <= burst + (last_s - first_s) * rate + 1e-3


@given(st.floats(0.1, 100), st.integers(1, 20))
def test_a_client_that_keeps_the_rate_is_never_refused(rate, burst):
    trial, behaviour = Memory().trial("t"), Behaviour(rate=rate, burst=burst)
    assert [rate_limit.take_token(trial, behaviour, 1000.0) for _ in range(burst)] == [0] * burst
    assert [rate_limit.take_token(trial, behaviour, 1000.0 + n / rate) for n in range(1, 100)] == [0] * 99


@given(st.floats(0.1, 100), st.integers(1, 20))
def test_a_client_that_waits_for_retry_after_is_allowed(rate, burst):
    trial, behaviour = Memory().trial("t"), Behaviour(rate=rate, burst=burst, ban_after=1, ban_s=60)
    now_s = 1000.0
    for _ in range(20):
        while (wait_s := rate_limit.take_token(trial, behaviour, now_s)) == 0:
            pass
        assert wait_s < math.inf
        now_s += rate_limit.retry_after_s(wait_s)
        assert rate_limit.take_token(trial, behaviour, now_s) == 0


def test_an_allowed_request_resets_the_count_of_ignored_pauses():
    trial, behaviour = Memory().trial("t"), Behaviour(rate=4.0, burst=1, ban_after=3, ban_s=2.0)
    times_s = (0, 0, 0, 0, 0.25, 0.25, 0.25, 0.25, 0.5, 2.24, 2.25)
    waits = [rate_limit.take_token(trial, behaviour, now_s) for now_s in times_s]
    assert waits == [0, 0.25, 0.25, 0.25, 0, 0.25, 0.25, 0.25, math.inf, math.inf, 0]
