"""The summary: ranking, verdicts, and figures over repeats."""

from __future__ import annotations

from dataclasses import replace
from statistics import median

import pytest

from labkit.analysis.analyse import analyse
from labkit.analysis.metrics import trial_metrics
from labkit.analysis.statistics import median_interval
from labkit.analysis.summary import (
    ALONE,
    FASTEST,
    IS_BASELINE,
    LOWEST,
    NO_CLEAR_WINNER,
    NOT_RANKED,
    ONE_TRIAL,
    SLOWER,
)
from labkit.model import Check, CheckedTrial
from labkit.reports.content.comparison import sections
from tests import samples
from tests.samples import comparison, good_trial, plan, with_rows, without_requests

TIGHT = [0.000, 0.001, 0.002, 0.003, 0.004]  # the differences between repeats, in seconds


def ran(makespans):
    """A comparison in which each approach took these times, one per repeat; every check held."""
    repeat = max(map(len, makespans.values()))
    of = plan(makespans, repeat=repeat)
    trials = [
        CheckedTrial(replace(good_trial(wanted), makespan_s=makespans[wanted.approach][wanted.repeat - 1]), ())
        for wanted in of.trials
        if wanted.repeat <= len(makespans[wanted.approach])
    ]
    return comparison(of, trials=tuple(trials))


def spoilt(whole, name, spoil):
    """`whole`, with `spoil` applied to every trial of `name`, and new checks."""
    return replace(
        whole,
        trials=tuple(
            samples.checked(spoil(checked.trial)) if checked.trial.planned.approach == name else checked
            for checked in whole.trials
        ),
    )


def rows_of(whole):
    return {row.approach: row for row in analyse(whole).summary}


def verdicts(whole):
    return {name: row.verdict for name, row in rows_of(whole).items()}


def test_one_row_per_grid_point_and_approach_in_order():
    names = ["threads", "sync", "asyncio_gather"]
    whole = comparison(plan(names, repeat=3, workers=[9, 1, 3], delays_s=[1.0, 0.5], seed=5))
    rows = analyse(whole).summary
    assert [row.approach for row in rows] == names * 6
    points = [row.point for row in rows[::3]]
    assert points == sorted(set(points), key=lambda point: point.place)
    assert {(point.server.workers, point.server.delay_s) for point in points} == {
        (workers, delay_s) for workers in (1, 3, 9) for delay_s in (0.5, 1.0)
    }
    assert {(row.trials, row.ranked) for row in rows} == {(3, 3)}


def test_makespans_are_summarised_over_repeats():
    values = [3.05, 3.01, 3.2, 3.02, 3.03]
    row = rows_of(ran({"threads": values}))["threads"]
    assert (row.makespan.median, row.makespan.min, row.makespan.max) == (3.03, 3.01, 3.2)
    assert row.makespan.ci95 == median_interval(values)
    assert row.ideal_s == 3.0
    assert row.efficiency == pytest.approx(median(3 / value for value in values))
    assert row.overhead_s == pytest.approx(0.03)


def test_a_trial_with_a_failed_check_does_not_count():
    whole = ran({"threads": [3.1, 3.2, 3.3, 0.1]})
    false = CheckedTrial(whole.trials[-1].trial, (Check("limit", False, "at most 9 in flight, 3 allowed"),))
    row = rows_of(replace(whole, trials=(*whole.trials[:-1], false)))["threads"]
    assert (row.trials, row.ranked) == (4, 3)
    assert (row.makespan.median, row.makespan.min) == (3.2, 3.1)


def test_the_fastest_has_an_interval_below_all_others():
    whole = ran(
        {
            "sync": [9 + more for more in TIGHT],
            "threads": [3.2 + more for more in TIGHT],
            "asyncio_gather": [3.0 + more for more in TIGHT],
        }
    )
    assert verdicts(whole) == {"sync": SLOWER, "threads": SLOWER, "asyncio_gather": FASTEST}


def test_overlapping_intervals_share_the_first_place():
    whole = ran(
        {
            "sync": [9 + more for more in TIGHT],
            "threads": [3.001 + more for more in TIGHT],
            "asyncio_gather": [3.0 + more for more in TIGHT],
        }
    )
    assert verdicts(whole) == {"sync": SLOWER, "threads": NO_CLEAR_WINNER, "asyncio_gather": NO_CLEAR_WINNER}


def test_a_wide_interval_shares_the_first_place_with_a_better_median():
    whole = ran({"threads": [2.0, 3.4, 3.5, 3.6, 5.0], "asyncio_gather": [3.0 + more for more in TIGHT]})
    assert verdicts(whole) == {"threads": NO_CLEAR_WINNER, "asyncio_gather": NO_CLEAR_WINNER}


def test_single_trials_are_not_ranked():
    assert verdicts(ran({"sync": [9.0], "threads": [3.0]})) == {"sync": ONE_TRIAL, "threads": ONE_TRIAL}


def test_repeated_trials_do_not_have_the_verdict_of_a_single_one():
    found = verdicts(ran({"threads": [3.1 + more for more in TIGHT], "asyncio_gather": [3.0]}))
    assert found["asyncio_gather"] == ONE_TRIAL
    assert found["threads"] != ONE_TRIAL


def test_a_single_approach_is_not_the_fastest():
    assert verdicts(ran({"threads": [3.0 + more for more in TIGHT]})) == {"threads": ALONE}


def test_a_single_trial_can_lose_to_none():
    """The single trial may have been slow by chance: without its interval the other is not the fastest."""
    found = verdicts(ran({"threads": [3.1], "asyncio_gather": [3.0 + more for more in TIGHT]}))
    assert found == {"threads": ONE_TRIAL, "asyncio_gather": ALONE}


SINGLE = {
    "sync": [9 + more for more in TIGHT],
    "threads": [3 + more for more in TIGHT],
    "asyncio_gather": [2.9],
}


@pytest.mark.parametrize("single_s", [2.9, 3.002, 9.5])
def test_a_single_trial_causes_no_overlap(single_s):
    found = verdicts(ran(SINGLE | {"asyncio_gather": [single_s]}))
    assert found == {"sync": SLOWER, "threads": LOWEST, "asyncio_gather": ONE_TRIAL}


def test_only_overlapping_intervals_share_the_first_place():
    whole = ran(SINGLE | {"thread_pool": [3.001 + more for more in TIGHT]})
    assert verdicts(whole) == {
        "sync": SLOWER,
        "threads": NO_CLEAR_WINNER,
        "asyncio_gather": ONE_TRIAL,
        "thread_pool": NO_CLEAR_WINNER,
    }


def test_a_single_trial_leaves_the_fastest_unnamed_without_claiming_an_overlap():
    (section,) = sections(analyse(ran(SINGLE)))
    assert section.outcome == "No approach can be named the fastest: too few trials can be ranked."


@pytest.mark.parametrize("baseline_s", [0.1, 3.0, 3.5, 99.0])
def test_the_baseline_is_not_ranked_and_does_not_affect_the_fastest(baseline_s):
    whole = ran(
        {
            "threads": [3.2 + more for more in TIGHT],
            "asyncio_gather": [3.0 + more for more in TIGHT],
            "locust": [baseline_s + more for more in TIGHT],
        }
    )
    assert verdicts(whole) == {"threads": SLOWER, "asyncio_gather": FASTEST, "locust": IS_BASELINE}
    assert rows_of(whole)["locust"].makespan.median == pytest.approx(baseline_s + 0.002)


def test_one_approach_and_the_baseline_are_not_compared():
    assert verdicts(ran({"threads": [3.0, 3.1], "locust": [2.0, 2.1]})) == {"threads": ALONE, "locust": IS_BASELINE}


def test_a_single_trial_of_the_baseline_is_still_the_baseline():
    found = verdicts(ran({"threads": [3.0], "locust": [3.1]}))
    assert found == {"threads": ONE_TRIAL, "locust": IS_BASELINE}


def test_a_baseline_with_a_failed_check_is_not_ranked():
    whole = comparison(plan(["sync", "locust"], repeat=3))
    whole = spoilt(whole, "locust", lambda trial: without_requests(trial, 1))
    assert verdicts(whole) == {"sync": ALONE, "locust": f"{NOT_RANKED}: accounted"}


def test_grid_points_are_ranked_separately():
    of = plan(["threads", "asyncio_gather"], workers=[1, 3], repeat=5)
    faster = {1: "threads", 3: "asyncio_gather"}
    trials = []
    for wanted in of.trials:
        base = 3.0 if faster[wanted.point.server.workers] == wanted.approach else 4.0
        trials.append(CheckedTrial(replace(good_trial(wanted), makespan_s=base + TIGHT[wanted.repeat - 1]), ()))
    rows = analyse(comparison(of, trials=tuple(trials))).summary
    assert {row.point.server.workers: row.approach for row in rows if row.verdict == FASTEST} == faster


def test_the_speed_up_is_relative_to_the_median_of_sync():
    rows = rows_of(ran({"threads": [3.0, 3.0, 3.0], "sync": [9.0, 9.3, 9.6]}))
    assert rows["threads"].speedup_vs_sync == pytest.approx(3.1)
    assert rows["sync"].speedup_vs_sync == 1


def test_without_a_ranked_sync_there_is_no_speed_up():
    assert rows_of(ran({"threads": [3.0]}))["threads"].speedup_vs_sync is None
    whole = spoilt(ran({"threads": [3.0], "sync": [9.0]}), "sync", lambda trial: without_requests(trial, 1))
    assert rows_of(whole)["threads"].speedup_vs_sync is None


def test_an_unranked_approach_has_no_speed_up():
    whole = spoilt(ran({"threads": [3.0], "sync": [9.0]}), "threads", lambda trial: without_requests(trial, 1))
    assert rows_of(whole)["threads"].speedup_vs_sync is None


def test_the_verdict_names_the_failed_check():
    whole = comparison(plan(["sync", "threads"], repeat=3))
    whole = spoilt(whole, "threads", lambda trial: without_requests(trial, 1, 2))
    row = rows_of(whole)["threads"]
    assert row.verdict == f"{NOT_RANKED}: accounted"
    assert (row.trials, row.ranked) == (3, 0)
    assert row.makespan is not None  # shown beside the failed check
    assert verdicts(whole)["sync"] == ALONE


@pytest.mark.parametrize("outcome", ["crashed", "timeout", "interrupted", "failed"])
def test_an_approach_that_did_not_end_well_is_not_compared(outcome):
    whole = comparison(plan(["sync", "threads"], repeat=3))
    whole = spoilt(whole, "threads", lambda trial: samples.crashed_trial(trial.planned, outcome=outcome))
    row = rows_of(whole)["threads"]
    assert row.verdict == outcome
    assert (row.makespan, row.efficiency, row.overhead_s, row.speedup_vs_sync) == (None, None, None, None)


def test_an_unavailable_approach_has_its_reason_as_verdict():
    whole = comparison(plan(["sync", "interpreter_pool"]), unavailable={"interpreter_pool": "needs Python 3.14"})
    row = rows_of(whole)["interpreter_pool"]
    assert (row.verdict, row.trials, row.makespan, row.failed) == ("needs Python 3.14", 0, None, 0)


def test_missing_trials_were_not_run():
    assert set(verdicts(comparison(trials=())).values()) == {"not run"}


def test_a_request_that_was_never_sent_has_failed_too():
    whole = comparison(plan(["threads"], repeat=2))
    spoil = {1: lambda trial: with_rows(trial, 2, 3, status=500), 2: lambda trial: without_requests(trial, 9)}
    trials = tuple(samples.checked(spoil[checked.trial.planned.repeat](checked.trial)) for checked in whole.trials)
    assert rows_of(replace(whole, trials=trials))["threads"].failed == 3


def test_losses_are_summed_and_attempts_are_the_maximum():
    whole = comparison(plan(["threads"], repeat=2), samples.coping_trial)
    once = samples.checked(without_requests(whole.trials[0].trial, 9))
    row = rows_of(replace(whole, trials=(once, whole.trials[1])))["threads"]
    assert (row.ok, row.failed) == (13, 5)
    assert row.failed_by_cause == {"no answer when the trial ended": 2, "status 503": 2}
    assert (row.attempts, row.wasted_attempts, row.refused) == (13, 6, 4)


def test_quiet_time_and_handling_are_medians():
    whole = comparison(plan(["threads"], repeat=3, handle_s=0.05))
    row = rows_of(whole)["threads"]
    for name in ("longest_quiet_s", "handling_s"):
        values = [getattr(trial_metrics(checked.trial), name) for checked in whole.trials]
        assert getattr(row, name) == median(values) > 0


def test_peaks_are_maxima_and_costs_are_medians():
    of = plan(["threads"], repeat=3)
    peaks = {1: (4, 100, 0.1), 2: (9, 300, 0.4), 3: (6, 200, 0.2)}
    trials = []
    for wanted in of.trials:
        threads, memory, cpu_s = peaks[wanted.repeat]
        good = good_trial(wanted, cpu_s=cpu_s, cold_start_s=cpu_s)
        sampled = tuple(replace(sample, threads=threads, memory_bytes=memory) for sample in good.samples)
        trials.append(CheckedTrial(replace(good, samples=sampled), ()))
    row = rows_of(comparison(of, trials=tuple(trials)))["threads"]
    assert (row.threads_peak, row.peak_memory_bytes, row.processes_peak) == (9, 300, 1)
    assert (row.cpu_s, row.cold_start_s) == (0.2, 0.2)
    assert row.max_in_flight == 9


def test_unmeasured_values_are_none():
    of = plan(["threads"])
    bare = good_trial(of.trials[0], samples=(), cpu_s=None, cold_start_s=None)
    row = rows_of(comparison(of, trials=(samples.checked(bare),)))["threads"]
    assert (row.threads_peak, row.processes_peak, row.peak_memory_bytes) == (None, None, None)
    assert (row.cpu_s, row.cold_start_s) == (None, None)
