"""Whether a comparison can be run again as it was: the same plan, and every difference that hinders or is recorded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from labkit.analysis.environment_diff import Change
from labkit.model import Notice
from labkit.model.errors import MachineError, UsageError
from labkit.plan.grid import plan_again
from labkit.run import rerun
from tests import load_samples, samples
from tests.samples import document, read_back

WHOLE = samples.comparison()
HERE = samples.ENVIRONMENT
OTHER = {
    "runtime": "docker",
    "python": "3.15.0",
    "cpus": 8,
    "git_commit": "fedcba9876543210",
    "packages": {"requests": "2.32.5", "aiohttp": "3.14.0"},
}
ELSEWHERE = {"docker": "28.0", "compose": "2.40", "memory_bytes": 1, "kernel": "7.0.0"}


def approaches(**changes):
    return {name: samples.approach(name, **changes.get(name, {})) for name in samples.DEFAULT_NAMES}


@pytest.mark.parametrize("axes", [{}, {"repeat": 3, "workers": [1, 3], "limits": [2, 4]}, {"seed": 7, "trace": True}])
def test_the_same_approaches_on_as_many_processors_make_the_same_plan(axes):
    plan = samples.plan(**axes)
    assert plan_again(plan, approaches(), 1) == plan
    assert rerun.plan_changes(plan, plan_again(plan, approaches(), 1)) == []


def test_a_plan_that_was_saved_is_the_plan_again():
    plan = read_back(document(samples.comparison(samples.plan(repeat=2, seed=5, trial_timeout_s=7.5)))).plan
    assert plan_again(plan, approaches(), 1) == samples.plan(repeat=2, seed=5, trial_timeout_s=7.5)


def test_more_processors_make_another_ideal_and_nothing_else():
    plan = samples.plan(["process_pool"], handle_s=0.5)
    own_gils = {"process_pool": samples.approach("process_pool", own_gils=True)}
    (one,), (four,) = plan_again(plan, own_gils, 1).trials, plan_again(plan, own_gils, 4).trials
    assert one.ideal_s > four.ideal_s
    assert replace(one, ideal_s=0) == replace(four, ideal_s=0)


def test_an_approach_that_may_keep_more_in_flight_is_another_one():
    plan = samples.plan(repeat=2)
    again = plan_again(plan, approaches(threads={"max_in_flight": 2}), 1)
    (change,) = rerun.plan_changes(plan, again)
    assert rerun.said(change) == "threads: most in flight was 9 and is 2"
    assert rerun.hinders(change)


def test_nothing_hinders_where_nothing_differs():
    assert rerun.all_changes(HERE, HERE) == []
    rerun.refuse("x", [])


@pytest.mark.parametrize("field", OTHER)
def test_what_was_run_has_to_be_the_same(field):
    found = rerun.all_changes(HERE, replace(HERE, **{field: OTHER[field]}))
    (change,) = found
    with pytest.raises(MachineError) as refused:
        rerun.refuse("20261122-120000-a1b2", found)
    assert rerun.said(change) in refused.value.message
    assert "20261122-120000-a1b2 cannot be run again as it was" in refused.value.message
    assert "--anyway" in refused.value.hint


@pytest.mark.parametrize("field", ELSEWHERE)
def test_where_it_runs_may_differ_and_is_recorded(field):
    found = rerun.all_changes(HERE, replace(HERE, **{field: ELSEWHERE[field]}))
    rerun.refuse("x", found)
    (notice,) = rerun.notices(found, WHOLE, replace(WHOLE, id="again"))
    assert notice.code == "rerun"
    assert notice.message == f"rerun of {WHOLE.id}: {rerun.said(found[0])}"
    assert "lab.py diff 20261122-120000-a1b2 again" in notice.hint


def test_another_image_is_named():
    before, now = (replace(HERE, images={"server": f"sha256:{digit * 64}"}) for digit in "ab")
    with pytest.raises(MachineError, match="image of server was aaaaaaaaaaaa and is bbbbbbbbbbbb"):
        rerun.refuse("x", rerun.all_changes(before, now))


def test_all_that_hinders_is_named_at_once():
    with pytest.raises(MachineError) as refused:
        rerun.refuse("x", rerun.all_changes(HERE, replace(HERE, **OTHER, **ELSEWHERE)))
    for said in ("runtime was local and is docker", "Python was 3.14.0", "processors was 2", "git commit", "aiohttp"):
        assert said in refused.value.message
    assert "kernel" not in refused.value.message
    assert "7.0.0" not in refused.value.message


def test_uncommitted_changes_are_never_known_to_be_the_same():
    dirty = replace(HERE, git_commit="0123-dirty")
    with pytest.raises(MachineError, match="the git commit is 0123-dirty, then and now"):
        rerun.refuse("x", rerun.all_changes(dirty, dirty))


def test_without_git_it_goes_on_and_says_what_nobody_knows():
    plain = replace(HERE, git_commit=None)
    found = rerun.all_changes(plain, plain)
    rerun.refuse("x", found)
    before = replace(WHOLE, environment=plain)
    (notice,) = rerun.notices(found, before, before)
    assert "without git nobody knows" in notice.message


def test_what_came_of_it_is_compared_too():
    def on(python):
        whole = samples.comparison(measure=lambda planned: samples.good_trial(planned, python=python))
        trials = tuple(
            replace(
                each,
                trial=replace(
                    each.trial,
                    planned=replace(each.trial.planned, point=replace(each.trial.planned.point, python="python3.14t")),
                ),
            )
            for each in whole.trials
        )
        return replace(whole, trials=trials)

    assert rerun.notices([], on("3.14.0"), on("3.14.0")) == ()
    told = [notice.message for notice in rerun.notices([], on("3.14.0"), on("3.14.1"))]
    assert f"rerun of {WHOLE.id}: sync ran on Python 3.14.0 of python3.14t and runs on 3.14.1" in told
    lacking = replace(WHOLE, unavailable={"threads": "needs Python 3.15"})
    assert [notice.message for notice in rerun.notices([], WHOLE, lacking)] == [
        f"rerun of {WHOLE.id}: threads needs Python 3.15"
    ]
    assert [notice.message for notice in rerun.notices([], lacking, WHOLE)] == [
        f"rerun of {WHOLE.id}: threads could not run then"
    ]


def test_the_hint_is_given_once():
    found = [Change("kernel", "system", "a", "b"), Change("docker", "Docker", "1", "2")]
    assert [bool(notice.hint) for notice in rerun.notices(found, WHOLE, WHOLE)] == [False, True]


@pytest.mark.parametrize(
    ("result", "why"),
    [
        (load_samples.search(), "is a load"),
        (replace(WHOLE, mode="trace"), "is the trace of a script"),
        (replace(WHOLE, notices=(Notice("cut_off", "it was"),)), "was cut off"),
    ],
)
def test_what_cannot_be_run_again_is_bad_usage(result, why):
    with pytest.raises(UsageError, match=why):
        rerun.repeatable(result)


def test_a_rerun_says_of_what_and_is_read_back_so():
    again = replace(WHOLE, rerun_of="20261121-120000-0001")
    assert document(again)["rerun_of"] == "20261121-120000-0001"
    assert read_back(document(again)) == again
    older = document(WHOLE)
    del older["rerun_of"]
    assert read_back(older) == WHOLE
