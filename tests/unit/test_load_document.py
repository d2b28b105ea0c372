"""The document of a load: its own fields, and those that it shares with a comparison's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from labkit.model import Check
from labkit.model.load import Counts, requests_file
from labkit.results.load_document import document
from tests import load_samples, samples
from tests.samples import document as comparison_document

CLOSED = load_samples.load_run(load_samples.closed_trial())
OPEN = load_samples.load_run()
OVERLOADED = load_samples.load_run(load_samples.overloaded_trial())
SEARCH = load_samples.search()
CRASHED = load_samples.load_run(load_samples.crashed_trial())
INTERRUPTED = load_samples.interrupted()
ALL = [CLOSED, OPEN, OVERLOADED, SEARCH, CRASHED, INTERRUPTED, replace(OPEN, trials=())]


@pytest.mark.parametrize("run", ALL)
def test_the_document_has_the_fields_of_a_comparison_and_its_own(run):
    of_load, of_comparison = document(run), comparison_document(samples.comparison())
    # A load compares no approaches, and its only trial contains its plan.
    left_out = {"agreement", "plan", "rerun_of", "unavailable"}
    assert set(of_load) == set(of_comparison) - left_out | {"thresholds", "stopped", "knee"}
    assert (of_load["schema"], of_load["mode"]) == (of_comparison["schema"], "load")
    # A load samples only its own processes, and its bodies are not compared.
    left_out = {"server_cpu_s", "machine_cpu_s", "cpus", "unmatched", "answers", "samples", "causes", "gil"}
    # It has no scenario and no interpreter, repeats no request and handles no bodies.
    coping = {"failed_by_cause", "attempts", "wasted_attempts", "refused", "longest_quiet_s", "handling_s"}
    left_out |= coping | {"interpreter"}
    for trial, row in zip(of_load["trials"], of_load["summary"], strict=True):
        assert set(of_comparison["trials"][0]) - left_out <= set(trial)
        assert set(of_comparison["trials"][0]["load"]) <= set(trial["load"])
        assert set(row) == set(of_comparison["summary"][0]) - coping - {"interpreter", "ok"}


@pytest.mark.parametrize("run", ALL)
def test_a_load_is_not_traced_and_handles_no_bodies(run):
    for trial in document(run)["trials"]:
        assert (trial["traced"], trial["trace"], trial["load"]["handle_s"]) == (False, None, 0.0)


def test_missing_measurements_are_null():
    trial = document(CRASHED)["trials"][0]
    fields = ("makespan_s", "latency_s", "response_s", "throughput_per_s", "cpu_s", "max_in_flight", "ideal_s")
    assert {trial[field] for field in fields} == {None}
    assert document(CLOSED)["trials"][0]["late"] is None


def test_closed_and_open_loads_are_described():
    closed, opened = (document(run)["trials"][0]["load"] for run in (CLOSED, OPEN))
    assert (closed["mode"], closed["users"], closed["spawn_rate"], closed["rate"]) == ("closed", 500, 100.0, None)
    assert (opened["mode"], opened["rate"], opened["arrivals"], opened["spawn_rate"]) == ("open", 2.0, "poisson", None)
    assert opened["limit"] == opened["users"] == 1000


def test_requests_are_in_a_file_of_their_own():
    trials = document(SEARCH)["trials"]
    assert [trial["requests"] for trial in trials] == [None] * 4
    assert [trial["requests_file"] for trial in trials] == [f"requests-{number}.csv" for number in (1, 2, 3, 4)]
    assert requests_file(SEARCH.trials[2].plan) == "requests-3.csv"


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "sound"),
        ({"outcome": "timeout"}, "timeout"),
        ({"outcome": "failed", "error": "2 of 60 requests failed", "counts": Counts(60, 60, 58, 2)}, "failed"),
        ({"checks": (Check("accounted", ok=False, detail=""), Check("server_log", ok=False, detail=""))}, "accounted"),
        ({"checks": (Check("accounted", ok=None, detail=""),)}, "sound"),
    ],
)
def test_the_verdict_is_the_outcome_or_a_failed_check(changes, verdict):
    row = document(load_samples.load_run(load_samples.open_trial(**changes)))["summary"][0]
    assert (row["verdict"], row["ranked"]) == (verdict, int(verdict == "sound"))


def test_thresholds_and_the_limit_are_in_the_document():
    assert document(INTERRUPTED)["thresholds"][0] == {"text": "p99 > 3", "value": 3.3528, "failed": True}
    assert document(INTERRUPTED)["stopped"] == "p99 > 3"
    assert document(SEARCH)["knee"]["last_good"] == 2.5
    assert document(OPEN)["knee"] is None
