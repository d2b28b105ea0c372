"""Thresholds of a load are parsed, and compared with its figures."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.load.thresholds import (
    METRICS,
    OPERATORS,
    SHARES,
    Threshold,
    evaluate,
    evaluate_trial,
    parse,
    require_measurable,
)
from labkit.model import ServerConfig
from labkit.model.errors import UsageError
from labkit.model.load import Closed, Counts, LoadPlan, LoadTrial, Now, Open, Percentiles, Second

COUNTS = Counts(arrivals=200, begun=180, ok=95, failed=5, unfinished=80, not_begun=20, late=9)
NOW = Now(10.0, COUNTS, 80, 97, 1.5, 3.5, 1.75, 9.5, 9.5)
EARLY = Now(0.0, Counts(late=0), 0, 0, None, None, None, None, 0.0)
PLAN = LoadPlan(1, ServerConfig(3, "sync", 1, 1.0), Closed(9, 9.0), 10.0, None, 1, 30.0)
TRIAL = LoadTrial(
    plan=PLAN,
    outcome="ok",
    error=None,
    python="3.11",
    cold_start_s=0.5,
    makespan_s=10.0,
    counts=COUNTS,
    latency=Percentiles(1.0, 1.4, 1.5, 3.0, 3.5, 4.0),
    response=Percentiles(1.0, 1.6, 1.75, 9.0, 9.5, 10.0),
    percentiles="exact",
    throughput_per_s=9.5,
    max_in_flight=80,
    server_max_in_flight=3,
    threads_peak=1,
    processes_peak=1,
    cpu_s=1.0,
    peak_memory_bytes=None,
    errors=(),
    seconds=(Second(0, 9, 0, 0, 9, 0, None, None), Second(1, 99, 0, 0, 80, 20, None, None)),
    checks=(),
)
VALUES = {
    "p50": 1.5,
    "p99": 3.5,
    "response_p50": 1.75,
    "response_p99": 9.5,
    "failed": 5,
    "unanswered": 105,
    "late": 9,
    "in_flight": 80,
    "queue": 97,
    "throughput": 9.5,
}


@given(
    st.sampled_from(METRICS),
    st.sampled_from(list(OPERATORS)),
    st.integers(0, 10**6).map(lambda thousandths: thousandths / 1000),
    st.lists(st.sampled_from(["", " ", "  "]), min_size=4, max_size=4),
)
def test_a_threshold_is_parsed_into_its_parts(metric, op, value, gaps):
    before, left, right, after = gaps
    text = f"{before}{metric}{left}{op}{right}{value}{after}"
    assert parse(text) == Threshold(text, metric, op, value, percent=False)


@pytest.mark.parametrize("metric", SHARES)
@pytest.mark.parametrize("gap", ["", " "])
def test_a_share_is_in_percent(metric, gap):
    text = f"{metric} > .5{gap}%"
    assert parse(text) == Threshold(text, metric, ">", 0.5, percent=True)


@pytest.mark.parametrize(
    "text",
    [
        *("", "p99", "p99 >", "> 3", "3 < p99", "p99 = 3", "p99 == 3", "p99 => 3", "p99 > three", "p99 > -3"),
        *("p99 > 3s", "p99 > 3 4", "p99 > 1e3", "p99 > nan", "p99 > .", "p99 > ٣", "p99 > 3 and failed > 1"),
        *("failed > %", "failed > 3%%"),
    ],
)
def test_a_malformed_threshold_is_refused_with_the_allowed_form(text):
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert repr(text) in caught.value.message
    assert [name for name in (*METRICS, *OPERATORS) if name not in caught.value.message] == []


@pytest.mark.parametrize(
    ("text", "meant"),
    [("p95 > 3", "p99"), ("responce_p99 > 3", "response_p99"), ("fail > 1%", "failed"), ("P99 > 1", "p99")],
)
def test_a_wrong_metric_is_refused_with_the_nearest_one(text, meant):
    with pytest.raises(UsageError, match=rf"{text}.*did you mean {meant}\?"):
        parse(text)


@pytest.mark.parametrize("metric", [name for name in METRICS if name not in SHARES])
def test_a_percentage_of_another_metric_is_refused(metric):
    with pytest.raises(UsageError, match=rf"{metric} > 3%.*failed and unanswered and late"):
        parse(f"{metric} > 3%")


def test_the_tests_cover_every_metric():
    assert tuple(VALUES) == METRICS


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("evaluator", "load"), [(evaluate, NOW), (evaluate_trial, TRIAL)], ids=["live", "final"])
def test_a_threshold_is_compared_with_the_metric(metric, evaluator, load):
    value = VALUES[metric]
    for op, failing in ((">", value - 1), (">=", value), ("<", value + 1), ("<=", value)):
        verdict = evaluator(parse(f"{metric} {op} {failing}"), load)
        assert (verdict.value, verdict.failed) == (value, True), op
    for op, passing in ((">", value), (">=", value + 1), ("<", value), ("<=", value - 1)):
        text = f"{metric} {op} {passing}"
        assert evaluator(parse(text), load).failed is False, text
        assert evaluator(parse(text), load).text == text


@pytest.mark.parametrize(("evaluator", "load"), [(evaluate, NOW), (evaluate_trial, TRIAL)], ids=["live", "final"])
@pytest.mark.parametrize(
    ("text", "value", "failed"),
    [
        ("failed > 4.9%", 5.0, True),  # of the ended requests
        ("failed > 5%", 5.0, False),
        ("unanswered > 52.4%", 52.5, True),  # of all arrivals
        ("unanswered > 52.5%", 52.5, False),
        ("late >= 5%", 5.0, True),  # of the begun requests
        ("late > 5%", 5.0, False),
    ],
)
def test_a_share_has_its_own_whole(evaluator, load, text, value, failed):
    verdict = evaluator(parse(text), load)
    assert (verdict.value, verdict.failed) == (value, failed)


@pytest.mark.parametrize(
    "text",
    [
        *("p50 >= 0", "p99 >= 0", "response_p50 >= 0", "response_p99 >= 0", "throughput < 9"),
        *("failed >= 0%", "unanswered >= 0%", "late >= 0%"),
    ],
)
def test_a_metric_that_is_not_measured_yet_does_not_fail(text):
    verdict = evaluate(parse(text), EARLY)
    assert (verdict.value, verdict.failed) == (None, False)


ABSENT = ["late >= 0", "late >= 0%", "response_p50 >= 0", "response_p99 >= 0", "queue >= 0"]


@pytest.mark.parametrize("text", ABSENT)
def test_a_metric_that_a_load_lacks_does_not_end_it_early(text):
    """A closed load has no intended starts; a server without slots has no queue."""
    counts = replace(COUNTS, late=None)
    verdict = evaluate(parse(text), replace(NOW, counts=counts, queue=None, response_p50_s=None, response_p99_s=None))
    assert (verdict.value, verdict.failed) == (None, False)


@pytest.mark.parametrize("text", [*ABSENT, *(text.replace(">= 0", "> 9") for text in ABSENT)])
def test_a_metric_that_a_load_lacks_fails_at_the_end(text):
    unbounded = replace(PLAN, server=ServerConfig(1, "gevent", 1, 1.0))
    trial = replace(TRIAL, plan=unbounded, counts=replace(COUNTS, late=None), response=None)
    verdict = evaluate_trial(parse(text), trial)
    assert (verdict.text, verdict.value, verdict.failed) == (text, None, True)


@pytest.mark.parametrize("op", OPERATORS)
@pytest.mark.parametrize(
    "text",
    [
        *("p50 {} 9", "p99 {} 9", "response_p50 {} 9", "response_p99 {} 9", "in_flight {} 9", "queue {} 9"),
        *("throughput {} 9", "failed {} 9%", "unanswered {} 9%", "late {} 9%"),
    ],
)
def test_a_load_without_measurements_fails(text, op):
    nothing = replace(
        TRIAL, counts=Counts(), latency=None, response=None, throughput_per_s=None, max_in_flight=None, seconds=()
    )
    verdict = evaluate_trial(parse(text.format(op)), nothing)
    assert (verdict.value, verdict.failed) == (None, True)


@pytest.mark.parametrize("metric", ["failed", "unanswered"])
def test_counts_are_known_without_any_request(metric):
    verdict = evaluate_trial(parse(f"{metric} > 0"), replace(TRIAL, counts=Counts()))
    assert (verdict.value, verdict.failed) == (0, False)


OPEN = replace(PLAN, shape=Open(2.0, "poisson", 1, 9))
GEVENT = ServerConfig(2, "gevent", 1, 1.0)
INTENDED = {"response_p50", "response_p99", "late"}


@pytest.mark.parametrize("plan", [PLAN, OPEN, replace(PLAN, server=GEVENT), replace(OPEN, server=GEVENT)])
@pytest.mark.parametrize("metric", METRICS)
def test_a_metric_that_a_load_lacks_is_refused(metric, plan):
    threshold = parse(f"{metric} > 9")
    named = {
        "closed load": isinstance(plan.shape, Closed) and metric in INTENDED,
        "gevent workers": plan.server == GEVENT and metric == "queue",
    }
    if not any(named.values()):
        require_measurable(threshold, plan)
        return
    with pytest.raises(UsageError, match=rf"'{metric} > 9' cannot be measured") as caught:
        require_measurable(threshold, plan)
    assert {text for text in named if text in caught.value.message} == {text for text in named if named[text]}
    assert caught.value.hint


def test_free_slots_are_not_a_negative_queue():
    idle = replace(TRIAL, seconds=(Second(0, 1, 1, 0, 1, 0, 1.0, 1.0),))
    assert evaluate_trial(parse("queue >= 0"), idle).value == 0
