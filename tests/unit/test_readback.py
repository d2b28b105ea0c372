"""A saved result is read back whole: the document made of it again is the document that was saved."""

from __future__ import annotations

import json
from contextlib import suppress
from copy import deepcopy
from dataclasses import asdict, fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit import scenarios
from labkit.model import Block, CheckedTrial, Comparison, LaneRow, Plan, ServerRow, Span, Trace
from labkit.model.errors import UsageError
from labkit.model.load import LoadRun
from labkit.results.decode import DamagedError
from labkit.results.document import document
from labkit.results.load_document import document as load_document
from labkit.results.load_document import trial_document as load_trial_document
from labkit.results.read import read
from labkit.results.read_comparison import comparison_of
from labkit.results.read_load import load_run_of
from server.behaviour import Behaviour
from tests import load_samples, samples

LANES = (
    LaneRow("thread", 4100, 4101, "thread 1", (Span("io", 0.0, 1.0), Span("gil", 1.0, 1.25, derived=True))),
    LaneRow("task", 4100, 1, "Task-1", ()),
)
TRACED = samples.comparison(
    samples.plan(["threads"]),
    lambda planned: samples.good_trial(
        replace(planned, traced=True), trace=Trace(LANES, ((0.5, 0.75),), ("no lock: the sampler could not tell",))
    ),
)
STOPPED = samples.comparison(samples.plan(repeat=2))
STOPPED = replace(STOPPED, trials=STOPPED.trials[:4])
WHOLE = samples.comparison()
COMPARISONS = [
    WHOLE,
    samples.comparison(samples.plan(repeat=3, worker_classes=["sync", "gevent"], limits=[2, 4])),
    samples.troubled_comparison(),
    samples.troubled_comparison(repeat=2),
    samples.comparison(samples.plan(["threads"], trial_timeout_s=7.5)),
    STOPPED,
    TRACED,
    replace(TRACED, mode="trace"),
    samples.comparison(samples.of_scenario("rate-limit", pythons=[None, "python3.14t"]), samples.coping_trial),
    samples.comparison(samples.plan(["sync"]), lambda planned: samples.good_trial(planned, gil=False)),
]
LOADS = [
    load_samples.load_run(load_samples.closed_trial()),
    load_samples.load_run(load_samples.overloaded_trial()),
    load_samples.load_run(load_samples.crashed_trial()),
    load_samples.search(),
    load_samples.interrupted(),
    load_samples.hostile(),
]


def on_disk(tree):
    return json.loads(json.dumps(tree))


def saved(folder, tree):
    (folder / "result.json").write_text(json.dumps(tree), encoding="utf-8")
    return folder


@pytest.mark.parametrize("comparison", COMPARISONS)
def test_a_comparison_comes_back_as_it_was(comparison):
    assert comparison_of(on_disk(document(comparison))) == comparison


@pytest.mark.parametrize("run", LOADS)
def test_a_load_comes_back_as_it_was(run):
    assert load_run_of(on_disk(load_document(run))) == run


AXES = st.fixed_dictionaries(
    {
        "repeat": st.integers(1, 3),
        "seed": st.integers(0, 2**32 - 1),
        "requests": st.lists(st.integers(1, 12), min_size=1, max_size=1),
        "workers": st.lists(st.integers(1, 4), min_size=1, max_size=2, unique=True),
        "delays_s": st.just([0.1]),
    }
)


@pytest.mark.parametrize("scenario", scenarios.names())
def test_every_scenario_comes_back_as_it_was(scenario):
    whole = samples.comparison(samples.of_scenario(scenario), samples.coping_trial)
    assert comparison_of(on_disk(document(whole))) == whole


BEHAVIOURS = st.fixed_dictionaries(
    {
        field.name: st.floats(0, 100) if field.type == "float" else st.integers(0, 10)
        for field in fields(Behaviour)
        if field.name != "seed"
    }
)
ROWS = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 5), st.none() | st.text(max_size=12)), max_size=12)


def tried(number, attempt, did):
    """An attempt at a request, of which the server knows where `did` says what it did."""
    served = None if did is None else ServerRow(number, 70, 0.1, 0.2, 200, did, attempt)
    return replace(WHOLE.trials[0].trial.requests[0], id=number, attempt=attempt, server=served)


@given(BEHAVIOURS, ROWS, st.none() | st.lists(st.none() | st.text(max_size=30)), st.none() | st.booleans())
def test_whatever_was_tried_and_returned_comes_back_as_it_was(behaviour, rows, causes, gil):
    planned = samples.planned("threads")
    server = replace(planned.point.server, behaviour=Behaviour(**behaviour))
    planned = replace(planned, point=replace(planned.point, server=server, scenario="odd"))
    trial = samples.good_trial(
        planned,
        requests=tuple(tried(*row) for row in rows),
        causes=None if causes is None else tuple(causes),
        gil=gil,
    )
    plan = Plan((Block(planned.point, (planned,)),), ("threads",), seed=1)
    whole = replace(WHOLE, plan=plan, trials=(CheckedTrial(trial, ()),))
    assert comparison_of(on_disk(document(whole))) == whole


@given(st.lists(st.sampled_from(samples.DEFAULT_NAMES), min_size=1, unique=True), AXES, st.integers(0, 30))
def test_any_comparison_comes_back_as_it_was(names, axes, kept):
    whole = samples.comparison(samples.plan(names, **axes))
    cut = replace(whole, trials=whole.trials[:kept])
    assert comparison_of(on_disk(document(cut))) == cut


COPING = ("failed_by_cause", "attempts", "wasted_attempts", "refused", "longest_quiet_s", "handling_s")


def without_what_was_added(tree):
    """The document as it was before its schema had these fields."""
    old = deepcopy(on_disk(tree))
    del old["plan"], old["unavailable"]
    for row in (*old["trials"], *old["summary"], *old["agreement"]):
        del row["interpreter"], row["server"]["behaviour"], row["load"]["handle_s"], row["load"]["rate"]
    for row in (*old["trials"], *old["summary"]):
        for name in COPING:
            del row[name]
    for row in old["summary"]:
        del row["ok"]
    for trial in old["trials"]:
        del trial["traced"], trial["trace"], trial["causes"], trial["gil"]
        for request in trial["requests"]:
            del request["attempt"]
            if request["server"]:
                del request["server"]["status"], request["server"]["did"], request["server"]["attempt"]
        for row in trial["unmatched"]:
            del row["did"], row["attempt"]
    return old


@pytest.mark.parametrize("comparison", COMPARISONS[:4])
def test_a_document_from_before_fields_were_added_tells_the_same(comparison):
    old = without_what_was_added(document(comparison))
    assert without_what_was_added(document(comparison_of(old))) == old


@pytest.mark.parametrize("comparison", COMPARISONS)
def test_a_comparison_is_read_from_its_folder_and_from_its_file(comparison, tmp_path):
    folder = saved(tmp_path, document(comparison))
    assert read(folder) == read(folder / "result.json") == comparison


@pytest.mark.parametrize("run", LOADS)
def test_a_load_is_read_from_its_folder(run, tmp_path):
    assert read(saved(tmp_path, load_document(run))) == run


def test_fields_that_a_later_lab_adds_are_left_out(tmp_path):
    tree = on_disk(document(WHOLE))
    tree["added"] = tree["trials"][0]["added"] = tree["trials"][0]["requests"][0]["added"] = {"more": 1}
    assert read(saved(tmp_path, tree)) == WHOLE


# What was cut off.


def cut_off(folder, trials, half=""):
    """What is on disk of a lab that was killed."""
    place = folder / "20261122-120000-a1b2"
    place.mkdir()
    (place / "trials.jsonl").write_text("".join(f"{json.dumps(trial)}\n" for trial in trials) + half, encoding="utf-8")
    return place


@pytest.mark.parametrize("half", ["", '{"approach": "thr'])
def test_of_a_comparison_that_was_cut_off_its_trials_are_there_and_a_notice(tmp_path, half):
    trials = document(WHOLE)["trials"][:3]
    comparison = read(cut_off(tmp_path, trials, half))
    assert isinstance(comparison, Comparison)
    assert on_disk(document(comparison)["trials"]) == on_disk(trials)
    assert comparison.id == "20261122-120000-a1b2"
    assert comparison.started_at == "2026-11-22T12:00:00+00:00"
    assert [notice.code for notice in comparison.notices] == ["cut_off"]
    assert "3 trials" in comparison.notices[0].message
    assert set(comparison.plan.approaches) == {trial["approach"] for trial in trials}


def test_of_a_load_that_was_cut_off_its_steps_are_there_and_a_notice(tmp_path):
    search = load_samples.search()
    run = read(cut_off(tmp_path, [load_trial_document(trial) for trial in search.trials[:2]]))
    assert isinstance(run, LoadRun)
    assert [asdict(trial.counts) for trial in run.trials] == [asdict(trial.counts) for trial in search.trials[:2]]
    assert [notice.code for notice in run.notices] == ["cut_off"]


def test_a_folder_that_somebody_renamed_is_read_too(tmp_path):
    folder = cut_off(tmp_path, document(WHOLE)["trials"]).rename(tmp_path / "kept for later")
    assert read(folder).started_at == ""


def test_nothing_to_read_is_said(tmp_path):
    with pytest.raises(UsageError, match="neither result\\.json nor trials\\.jsonl"):
        read(tmp_path)
    with pytest.raises(UsageError, match="holds no trial"):
        read(cut_off(tmp_path, []))
    with pytest.raises(UsageError, match="holds no trial"):
        read(saved(tmp_path, document(replace(WHOLE, trials=()))))


# What is damaged.


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is damaged"),
        (b'{"schema": "concurrency-lab', "is damaged"),
        (b"\xff\xfe\x00", "is damaged"),
        (b"[" * 100_000, "is damaged"),
        (b"[]", "is no result of this lab"),
        (b'{"schema": 1}', "is no result of this lab"),
        (b'{"schema": "concurrency-lab/comparison/2"}', "has the schema 'concurrency-lab/comparison/2'"),
        (b'{"schema": "concurrency-lab/comparison/1"}', "mode is none of"),
        (b'{"schema": "concurrency-lab/comparison/1", "mode": "compare"}', "id is missing"),
        (b'{"schema": "concurrency-lab/comparison/1", "mode": "load", "id": 3}', "id is not text"),
    ],
)
def test_a_damaged_file_is_bad_usage_in_one_sentence(tmp_path, content, complaint):
    (tmp_path / "result.json").write_bytes(content)
    with pytest.raises(UsageError, match=complaint) as caught:
        read(tmp_path)
    assert str(tmp_path / "result.json") in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        (("seed",), True, "seed is not a whole number"),
        (("trials", 1, "requests", 2, "start_s"), "soon", r"trials\[1\].requests\[2\].start_s is not a number"),
        (("trials", 1, "requests", 2, "start_s"), float("nan"), r"start_s is not a number"),
        (("trials", 0, "outcome"), "great", r"trials\[0\].outcome is not one of ok, failed"),
        (("trials", 0, "server"), None, r"trials\[0\].server is not an object"),
        (("trials", 0, "samples"), {}, r"trials\[0\].samples is not a list"),
        (("trials", 0, "trace", "lanes", 0, "spans", 0), ["io", 1.0], r"lanes\[0\].spans\[0\] has not 4 values"),
        (("environment", "packages", "requests"), 2, "environment.packages.requests is not text"),
        (
            ("plan", "blocks", 0, "trials", 0, "order"),
            None,
            r"plan.blocks\[0\].trials\[0\].order is not a whole number",
        ),
    ],
)
def test_a_damaged_field_is_named(path, value, complaint):
    traced = replace(TRACED, trials=TRACED.trials * 2)
    tree = on_disk(document(traced))
    place = tree
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(DamagedError, match=complaint):
        comparison_of(tree)


def places(tree, path=()):
    """The path of everything in `tree`."""
    yield path
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, child in children:
        yield from places(child, (*path, key))


SMALL = on_disk(document(samples.comparison(samples.plan(["threads"], requests=[1], delays_s=[0.1]))))
PLACES = [path for path in places(SMALL) if path and "samples" not in path[:-1]]


@given(st.sampled_from(PLACES), st.sampled_from([None, -1, 0.5, "x", [], {}, [[1]], True]))
def test_whatever_is_damaged_is_told_as_damage_or_does_not_matter(path, value):
    tree = deepcopy(SMALL)
    place = tree
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with suppress(DamagedError):  # nothing else may come
        assert isinstance(comparison_of(tree), Comparison)
