"""Every scenario on the real server in both runtimes: robust approaches cope, and the server acts as planned."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from clients.harness import catalogue
from labkit import scenarios
from labkit.model.scenario import Scenario
from server.behaviour import decide_action
from tests.acts import failing
from tests.both.conftest import nothing_left
from tests.checkout import Checkout

# The first test of a runtime waits for all scenarios.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
REQUESTS = 10
# Approaches that take a timeout are made to cope with failures.
COPING = [name for name in catalogue.names() if "timeout" in catalogue.read(name).keywords]


@pytest.fixture(scope="module", params=["local", pytest.param("docker", marks=pytest.mark.docker)])
def coped(request: pytest.FixtureRequest, checkout: Checkout) -> Iterator[dict[str, list[dict[str, Any]]]]:
    """Scenario -> the trials of the robust approaches, all from one comparison."""
    document = checkout.lab(
        f"compare {' '.join(COPING)} --no-baseline --scenario {','.join(scenarios.names())} --requests {REQUESTS} "
        f"--delay 0.1 --runtime {request.param} --format json",
        patience_s=240,
    ).document
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in scenarios.names()}
    for trial in document["trials"]:
        found[trial["scenario"]].append(trial)
    yield found
    nothing_left(checkout)


def unanswerable(scenario: Scenario) -> set[int]:
    """The requests that no client can get an answer to."""
    numbers = range(1, REQUESTS + 1)
    return {number for number in numbers if decide_action(scenario.behaviour, 0.1, number, 1).kind == "hang"}


@pytest.mark.parametrize("name", scenarios.names())
def test_robust_approaches_get_every_possible_answer(coped: dict[str, list[dict[str, Any]]], name: str) -> None:
    lost = unanswerable(scenarios.load(name))
    assert sorted(trial["approach"] for trial in coped[name]) == sorted(COPING)
    for trial in coped[name]:
        assert trial["outcome"] == "ok", (trial["approach"], trial["error"], trial["last_lines"])
        assert failing(trial) == set(), (trial["approach"], trial["checks"])
        assert (trial["ok"], trial["failed"]) == (REQUESTS - len(lost), len(lost))
        failed = {number for number, cause in enumerate(trial["causes"] or (), 1) if cause}
        assert failed == lost
        assert trial["makespan_s"] >= trial["ideal_s"] * 0.99


@pytest.mark.parametrize("name", scenarios.names())
def test_every_approach_meets_the_same_behaviour(coped: dict[str, list[dict[str, Any]]], name: str) -> None:
    behaviour = scenarios.load(name).behaviour
    for trial in coped[name]:
        for row in trial["requests"]:
            if (served := row["server"]) and served["did"] not in {"refused", "banned"}:
                assert served["did"] == decide_action(behaviour, 0.1, row["id"], served["attempt"] or 1).kind


def test_failed_requests_are_retried(coped: dict[str, list[dict[str, Any]]]) -> None:
    for trial in coped["flaky"]:
        assert trial["attempts"] > REQUESTS
        assert trial["wasted_attempts"] == trial["attempts"] - REQUESTS
        assert [row["attempt"] for row in trial["requests"] if row["attempt"] > 1]


def test_approaches_that_know_the_rate_are_not_refused(coped: dict[str, list[dict[str, Any]]]) -> None:
    for trial in coped["rate-limit"]:
        knows_the_rate = "rate" in catalogue.read(trial["approach"]).keywords
        late = [row for row in trial["requests"] if row["status"] == 429 and row["start_s"] > 1]
        assert not (knows_the_rate and late), trial["approach"]


def test_no_request_is_answered_while_the_server_is_away(coped: dict[str, list[dict[str, Any]]]) -> None:
    for trial in coped["restart"]:
        assert trial["longest_quiet_s"] >= scenarios.load("restart").behaviour.away_s


@pytest.mark.parametrize(
    ("scenario", "outcome", "message"),
    [("flaky", "failed", "of 10 requests failed"), ("timeouts", "timeout", "not done after 2 s")],
)
def test_an_approach_that_does_not_cope_fails_visibly(
    checkout: Checkout, runtime: str, scenario: str, outcome: str, message: str
) -> None:
    run = checkout.lab(
        f"compare threads --no-baseline --scenario {scenario} --requests 10 --delay 0.1 --trial-timeout 2 "
        f"--runtime {runtime} --format json"
    )
    (trial,) = run.document["trials"]
    assert run.code == 1
    assert trial["outcome"] == outcome
    assert message in trial["error"]
    assert trial["failed"] > 0
