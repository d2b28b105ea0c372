"""A comparison is rerun with the same plan; each change since then prevents it or is recorded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from labkit.analysis.environment_diff import Change
from labkit.model import Notice
from labkit.model.errors import MachineError, UsageError
from labkit.plan.grid import adapt_plan
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
    assert adapt_plan(plan, approaches(), 1) == plan
    assert rerun.plan_changes(plan, adapt_plan(plan, approaches(), 1)) == []


def test_a_saved_plan_is_read_back_unchanged():
    plan = read_back(document(samples.comparison(samples.plan(repeat=2, seed=5, trial_timeout_s=7.5)))).plan
    assert adapt_plan(plan, approaches(), 1) == samples.plan(repeat=2, seed=5, trial_timeout_s=7.5)


def test_more_processors_change_only_the_ideal():
    plan = samples.plan(["process_pool"], handle_s=0.5)
    own_gils = {"process_pool": samples.approach("process_pool", own_gils=True)}
    (one,), (four,) = adapt_plan(plan, own_gils, 1).trials, adapt_plan(plan, own_gils, 4).trials
    assert one.ideal_s > four.ideal_s
    assert replace(one, ideal_s=0) == replace(four, ideal_s=0)


def test_an_approach_with_another_bound_prevents_a_rerun():
    plan = samples.plan(repeat=2)
    again = adapt_plan(plan, approaches(threads={"max_in_flight": 2}), 1)
    (change,) = rerun.plan_changes(plan, again)
    assert rerun.explain(change) == "threads: most in flight was 9 and is 2"
    with pytest.raises(MachineError, match="threads: most in flight"):
        rerun.refuse_blocking("x", [change])


def test_without_changes_nothing_prevents_a_rerun():
    assert rerun.environment_changes(HERE, HERE) == []
    rerun.refuse_blocking("x", [])


@pytest.mark.parametrize("field", OTHER)
def test_a_change_of_the_measured_things_prevents_a_rerun(field):
    found = rerun.environment_changes(HERE, replace(HERE, **{field: OTHER[field]}))
    (change,) = found
    with pytest.raises(MachineError) as refused:
        rerun.refuse_blocking("20261122-120000-a1b2", found)
    assert rerun.explain(change) in refused.value.message
    assert "20261122-120000-a1b2 cannot be rerun unchanged" in refused.value.message
    assert "--anyway" in refused.value.hint


@pytest.mark.parametrize("field", ELSEWHERE)
def test_a_change_of_the_surroundings_is_recorded(field):
    found = rerun.environment_changes(HERE, replace(HERE, **{field: ELSEWHERE[field]}))
    rerun.refuse_blocking("x", found)
    (notice,) = rerun.rerun_notices(found, WHOLE, replace(WHOLE, id="again"))
    assert notice.code == "rerun"
    assert notice.message == f"rerun of {WHOLE.id}: {rerun.explain(found[0])}"
    assert "lab.py diff 20261122-120000-a1b2 again" in notice.hint


def test_another_image_is_named():
    before, now = (replace(HERE, images={"server": f"sha256:{digit * 64}"}) for digit in "ab")
    with pytest.raises(MachineError, match="image of server was aaaaaaaaaaaa and is bbbbbbbbbbbb"):
        rerun.refuse_blocking("x", rerun.environment_changes(before, now))


def test_every_blocking_change_is_named():
    with pytest.raises(MachineError) as refused:
        rerun.refuse_blocking("x", rerun.environment_changes(HERE, replace(HERE, **OTHER, **ELSEWHERE)))
    for text in ("runtime was local and is docker", "Python was 3.14.0", "processors was 2", "git commit", "aiohttp"):
        assert text in refused.value.message
    assert "kernel" not in refused.value.message
    assert "7.0.0" not in refused.value.message


def test_uncommitted_changes_prevent_a_rerun():
    dirty = replace(HERE, git_commit="0123-dirty")
    with pytest.raises(MachineError, match="the git commit was and is 0123-dirty"):
        rerun.refuse_blocking("x", rerun.environment_changes(dirty, dirty))


def test_without_git_it_runs_with_a_notice():
    plain = replace(HERE, git_commit=None)
    found = rerun.environment_changes(plain, plain)
    rerun.refuse_blocking("x", found)
    before = replace(WHOLE, environment=plain)
    (notice,) = rerun.rerun_notices(found, before, before)
    assert "without git, changes" in notice.message


def test_measured_versions_and_unavailable_approaches_are_compared():
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

    assert rerun.rerun_notices([], on("3.14.0"), on("3.14.0")) == ()
    messages = [notice.message for notice in rerun.rerun_notices([], on("3.14.0"), on("3.14.1"))]
    assert f"rerun of {WHOLE.id}: sync ran on Python 3.14.0 of python3.14t and runs on 3.14.1" in messages
    lacking = replace(WHOLE, unavailable={"threads": "needs Python 3.15"})
    assert [notice.message for notice in rerun.rerun_notices([], WHOLE, lacking)] == [
        f"rerun of {WHOLE.id}: threads needs Python 3.15"
    ]
    assert [notice.message for notice in rerun.rerun_notices([], lacking, WHOLE)] == [
        f"rerun of {WHOLE.id}: threads could not run before"
    ]


def test_the_hint_is_given_once():
    found = [Change("kernel", "system", "a", "b"), Change("docker", "Docker", "1", "2")]
    assert [bool(notice.hint) for notice in rerun.rerun_notices(found, WHOLE, WHOLE)] == [False, True]


@pytest.mark.parametrize(
    ("result", "why"),
    [
        (load_samples.search(), "is a load"),
        (replace(WHOLE, mode="trace"), "is the trace of a script"),
        (replace(WHOLE, notices=(Notice("cut_off", "it was"),)), "was cut off"),
    ],
)
def test_other_results_cannot_be_rerun(result, why):
    with pytest.raises(UsageError, match=why):
        rerun.require_comparison(result)


def test_a_rerun_names_its_original_and_is_read_back():
    again = replace(WHOLE, rerun_of="20261121-120000-0001")
    assert document(again)["rerun_of"] == "20261121-120000-0001"
    assert read_back(document(again)) == again
    older = document(WHOLE)
    del older["rerun_of"]
    assert read_back(older) == WHOLE
