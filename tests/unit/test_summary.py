"""The summary: what is ranked, against what, and who may be called the fastest."""

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
    NO_CLEAR_WINNER,
    NOT_RANKED,
    ONE_TRIAL,
    SLOWER,
)
from labkit.model import Check, CheckedTrial
from tests import samples
from tests.samples import comparison, good_trial, plan, with_rows, without_requests

TIGHT = [0.000, 0.001, 0.002, 0.003, 0.004]  # what repeats differ by, in seconds


def ran(makespans):
    """A comparison in which each approach took these times, one a repeat; every check held."""
    repeat = max(map(len, makespans.values()))
    of = plan(makespans, repeat=repeat)
    trials = [
        CheckedTrial(replace(good_trial(wanted), makespan_s=makespans[wanted.approach][wanted.repeat - 1]), ())
        for wanted in of.trials
        if wanted.repeat <= len(makespans[wanted.approach])
    ]
    return comparison(of, trials=tuple(trials))


def spoilt(whole, name, spoil):
    """`whole`, with every trial of `name` spoilt and checked again."""
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


def test_a_row_per_grid_point_and_approach_in_their_order():
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


def test_makespans_are_summed_up_over_the_repeats():
    values = [3.05, 3.01, 3.2, 3.02, 3.03]
    row = rows_of(ran({"threads": values}))["threads"]
    assert (row.makespan.median, row.makespan.min, row.makespan.max) == (3.03, 3.01, 3.2)
    assert row.makespan.ci95 == median_interval(values)
    assert row.ideal_s == 3.0
    assert row.efficiency == pytest.approx(median(3 / value for value in values))
    assert row.overhead_s == pytest.approx(0.03)


def test_a_trial_whose_check_failed_does_not_count():
    whole = ran({"threads": [3.1, 3.2, 3.3, 0.1]})
    false = CheckedTrial(whole.trials[-1].trial, (Check("limit", False, "at most 9 in flight, 3 allowed"),))
    row = rows_of(replace(whole, trials=(*whole.trials[:-1], false)))["threads"]
    assert (row.trials, row.ranked) == (4, 3)
    assert (row.makespan.median, row.makespan.min) == (3.2, 3.1)


def test_the_fastest_is_the_one_whose_interval_lies_below_all_others():
    whole = ran(
        {
            "sync": [9 + more for more in TIGHT],
            "threads": [3.2 + more for more in TIGHT],
            "asyncio_gather": [3.0 + more for more in TIGHT],
        }
    )
    assert verdicts(whole) == {"sync": SLOWER, "threads": SLOWER, "asyncio_gather": FASTEST}


def test_those_whose_intervals_meet_the_best_share_the_first_place():
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


def test_one_run_ranks_nobody():
    assert verdicts(ran({"sync": [9.0], "threads": [3.0]})) == {"sync": ONE_TRIAL, "threads": ONE_TRIAL}


def test_one_that_ran_often_is_not_told_that_it_ran_once():
    found = verdicts(ran({"threads": [3.1 + more for more in TIGHT], "asyncio_gather": [3.0]}))
    assert found["asyncio_gather"] == ONE_TRIAL
    assert found["threads"] != ONE_TRIAL


def test_one_alone_is_not_the_fastest():
    assert verdicts(ran({"threads": [3.0 + more for more in TIGHT]})) == {"threads": ALONE}


def test_nobody_is_the_fastest_of_those_that_ran_once_only():
    """The one trial may have been a slow one: no interval says that the other is faster."""
    found = verdicts(ran({"threads": [3.1], "asyncio_gather": [3.0 + more for more in TIGHT]}))
    assert found["threads"] == ONE_TRIAL
    assert found["asyncio_gather"] != FASTEST


@pytest.mark.parametrize("baseline_s", [0.1, 3.0, 3.5, 99.0])
def test_the_baseline_is_not_ranked_and_keeps_nobody_from_being_fastest(baseline_s):
    whole = ran(
        {
            "threads": [3.2 + more for more in TIGHT],
            "asyncio_gather": [3.0 + more for more in TIGHT],
            "locust": [baseline_s + more for more in TIGHT],
        }
    )
    assert verdicts(whole) == {"threads": SLOWER, "asyncio_gather": FASTEST, "locust": IS_BASELINE}
    assert rows_of(whole)["locust"].makespan.median == pytest.approx(baseline_s + 0.002)


def test_beside_the_baseline_one_is_alone():
    assert verdicts(ran({"threads": [3.0, 3.1], "locust": [2.0, 2.1]})) == {"threads": ALONE, "locust": IS_BASELINE}


def test_of_one_trial_each_the_baseline_is_the_baseline_all_the_same():
    found = verdicts(ran({"threads": [3.0], "locust": [3.1]}))
    assert found == {"threads": ONE_TRIAL, "locust": IS_BASELINE}


def test_a_baseline_that_fails_a_check_says_so():
    whole = comparison(plan(["sync", "locust"], repeat=3))
    whole = spoilt(whole, "locust", lambda trial: without_requests(trial, 1))
    assert verdicts(whole) == {"sync": ALONE, "locust": f"{NOT_RANKED}: accounted"}


def test_grid_points_are_ranked_apart():
    of = plan(["threads", "asyncio_gather"], workers=[1, 3], repeat=5)
    faster = {1: "threads", 3: "asyncio_gather"}
    trials = []
    for wanted in of.trials:
        base = 3.0 if faster[wanted.point.server.workers] == wanted.approach else 4.0
        trials.append(CheckedTrial(replace(good_trial(wanted), makespan_s=base + TIGHT[wanted.repeat - 1]), ()))
    rows = analyse(comparison(of, trials=tuple(trials))).summary
    assert {row.point.server.workers: row.approach for row in rows if row.verdict == FASTEST} == faster


def test_speed_up_is_over_syncs_median():
    rows = rows_of(ran({"threads": [3.0, 3.0, 3.0], "sync": [9.0, 9.3, 9.6]}))
    assert rows["threads"].speedup_vs_sync == pytest.approx(3.1)
    assert rows["sync"].speedup_vs_sync == 1


def test_without_a_sync_that_ranks_there_is_no_speed_up():
    assert rows_of(ran({"threads": [3.0]}))["threads"].speedup_vs_sync is None
    whole = spoilt(ran({"threads": [3.0], "sync": [9.0]}), "sync", lambda trial: without_requests(trial, 1))
    assert rows_of(whole)["threads"].speedup_vs_sync is None


def test_one_that_does_not_rank_has_no_speed_up():
    whole = spoilt(ran({"threads": [3.0], "sync": [9.0]}), "threads", lambda trial: without_requests(trial, 1))
    assert rows_of(whole)["threads"].speedup_vs_sync is None


def test_one_that_fails_a_check_is_not_ranked_and_the_check_is_named():
    whole = comparison(plan(["sync", "threads"], repeat=3))
    whole = spoilt(whole, "threads", lambda trial: without_requests(trial, 1, 2))
    row = rows_of(whole)["threads"]
    assert row.verdict == f"{NOT_RANKED}: accounted"
    assert (row.trials, row.ranked) == (3, 0)
    assert row.makespan is not None  # shown, but beside a failed check
    assert verdicts(whole)["sync"] == ALONE


@pytest.mark.parametrize("outcome", ["crashed", "timeout", "interrupted", "failed"])
def test_one_that_did_not_end_well_is_no_competitor(outcome):
    whole = comparison(plan(["sync", "threads"], repeat=3))
    whole = spoilt(whole, "threads", lambda trial: samples.crashed_trial(trial.planned, outcome=outcome))
    row = rows_of(whole)["threads"]
    assert row.verdict == outcome
    assert (row.makespan, row.efficiency, row.overhead_s, row.speedup_vs_sync) == (None, None, None, None)


def test_one_that_cannot_run_here_says_why():
    whole = comparison(plan(["sync", "interpreter_pool"]), unavailable={"interpreter_pool": "needs Python 3.14"})
    row = rows_of(whole)["interpreter_pool"]
    assert (row.verdict, row.trials, row.makespan, row.failed) == ("needs Python 3.14", 0, None, 0)


def test_what_was_cut_off_was_not_run():
    assert set(verdicts(comparison(trials=())).values()) == {"not run"}


def test_every_request_without_an_answer_has_failed_even_one_that_was_never_sent():
    whole = comparison(plan(["threads"], repeat=2))
    spoil = {1: lambda trial: with_rows(trial, 2, 3, status=500), 2: lambda trial: without_requests(trial, 9)}
    trials = tuple(samples.checked(spoil[checked.trial.planned.repeat](checked.trial)) for checked in whole.trials)
    assert rows_of(replace(whole, trials=trials))["threads"].failed == 3


def test_what_was_lost_is_counted_over_all_trials_and_attempts_are_the_most():
    whole = comparison(plan(["threads"], repeat=2), samples.coping_trial)
    once = samples.checked(without_requests(whole.trials[0].trial, 9))
    row = rows_of(replace(whole, trials=(once, whole.trials[1])))["threads"]
    assert (row.ok, row.failed) == (13, 5)
    assert row.failed_by_cause == {"no answer when the trial ended": 2, "status 503": 2}
    assert (row.attempts, row.wasted_attempts, row.refused) == (13, 6, 4)


def test_silence_and_handling_are_medians():
    whole = comparison(plan(["threads"], repeat=3, handle_s=0.05))
    row = rows_of(whole)["threads"]
    for name in ("longest_quiet_s", "handling_s"):
        values = [getattr(trial_metrics(checked.trial), name) for checked in whole.trials]
        assert getattr(row, name) == median(values) > 0


def test_peaks_are_the_largest_and_costs_the_median():
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


def test_what_could_not_be_measured_is_nothing_and_not_zero():
    of = plan(["threads"])
    bare = good_trial(of.trials[0], samples=(), cpu_s=None, cold_start_s=None)
    row = rows_of(comparison(of, trials=(samples.checked(bare),)))["threads"]
    assert (row.threads_peak, row.processes_peak, row.peak_memory_bytes) == (None, None, None)
    assert (row.cpu_s, row.cold_start_s) == (None, None)
