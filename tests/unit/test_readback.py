"""A saved result reads back complete: the document made of it again equals the saved one."""

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
from labkit.results.load_document import document as load_document
from labkit.results.load_document import trial_document as load_trial_document
from labkit.results.read import read
from labkit.results.read_load import decode_load
from labkit.results.store import Results
from server.behaviour import Behaviour
from tests import load_samples, samples
from tests.samples import document, read_back

LANES = (
    LaneRow("thread", 4100, 4101, "thread 1", (Span("io", 0.0, 1.0), Span("gil", 1.0, 1.25, derived=True))),
    LaneRow("task", 4100, 1, "Task-1", ()),
)
TRACED = samples.comparison(
    samples.plan(["threads"]),
    lambda planned: samples.good_trial(
        replace(planned, traced=True), trace=Trace(LANES, ((0.5, 0.75),), ("no lock: unavailable on this system",))
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
    """A results folder with `tree` as its document."""
    (folder / "result.json").write_text(json.dumps(tree), encoding="utf-8")
    return folder


@pytest.mark.parametrize("comparison", COMPARISONS)
def test_a_comparison_reads_back_unchanged(comparison):
    assert read_back(document(comparison)) == comparison


@pytest.mark.parametrize("run", LOADS)
def test_a_load_reads_back_unchanged(run):
    assert decode_load(json.dumps(load_document(run)).encode()) == run


def test_the_lab_reads_the_file_that_it_writes(tmp_path):
    results = Results(tmp_path / "new")
    results.finish(document(WHOLE))
    results._trials.close()
    assert json.loads(results.document_path.read_bytes()) == on_disk(document(WHOLE))
    assert read(tmp_path / "new") == WHOLE


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
def test_every_scenario_reads_back_unchanged(scenario):
    whole = samples.comparison(samples.of_scenario(scenario), samples.coping_trial)
    assert read_back(document(whole)) == whole


BEHAVIOURS = st.fixed_dictionaries(
    {
        field.name: st.floats(0, 100) if field.type == "float" else st.integers(0, 10)
        for field in fields(Behaviour)
        if field.name != "seed"
    }
)
ROWS = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 5), st.none() | st.text(max_size=12)), max_size=12)


def attempt_at(number, attempt, did):
    """An attempt at request `number`; the server logged it unless `did` is None."""
    served = None if did is None else ServerRow(number, 70, 0.1, 0.2, 200, did, attempt)
    return replace(WHOLE.trials[0].trial.requests[0], id=number, attempt=attempt, server=served)


@given(BEHAVIOURS, ROWS, st.none() | st.lists(st.none() | st.text(max_size=30)), st.none() | st.booleans())
def test_any_behaviour_attempts_and_causes_read_back_unchanged(behaviour, rows, causes, gil):
    planned = samples.planned("threads")
    server = replace(planned.point.server, behaviour=Behaviour(**behaviour))
    planned = replace(planned, point=replace(planned.point, server=server, scenario="odd"))
    trial = samples.good_trial(
        planned,
        requests=tuple(attempt_at(*row) for row in rows),
        causes=None if causes is None else tuple(causes),
        gil=gil,
    )
    plan = Plan((Block(planned.point, (planned,)),), ("threads",), seed=1)
    whole = replace(WHOLE, plan=plan, trials=(CheckedTrial(trial, ()),))
    assert read_back(document(whole)) == whole


@given(st.lists(st.sampled_from(samples.DEFAULT_NAMES), min_size=1, unique=True), AXES, st.integers(0, 30))
def test_any_comparison_reads_back_unchanged(names, axes, kept):
    whole = samples.comparison(samples.plan(names, **axes))
    cut = replace(whole, trials=whole.trials[:kept])
    assert read_back(document(cut)) == cut


ADDED_METRICS = ("failed_by_cause", "attempts", "wasted_attempts", "refused", "longest_quiet_s", "handling_s")


def without_added_fields(tree):
    """The document before its schema got these fields."""
    old = on_disk(tree)
    del old["plan"], old["unavailable"]
    for row in (*old["trials"], *old["summary"], *old["agreement"]):
        del row["interpreter"], row["server"]["behaviour"], row["load"]["handle_s"], row["load"]["rate"]
    for row in (*old["trials"], *old["summary"]):
        for name in ADDED_METRICS:
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
def test_a_document_without_the_added_fields_reads_back_unchanged(comparison):
    old = without_added_fields(document(comparison))
    assert without_added_fields(document(read_back(old))) == old


def test_a_server_row_without_a_status_has_the_clients():
    old = read_back(without_added_fields(document(WHOLE)))
    assert {row.server.status for checked in old.trials for row in checked.trial.requests} == {200}


@pytest.mark.parametrize("comparison", COMPARISONS)
def test_a_comparison_is_read_from_its_folder_and_from_its_file(comparison, tmp_path):
    folder = saved(tmp_path, document(comparison))
    assert read(folder) == read(folder / "result.json") == comparison


@pytest.mark.parametrize("run", LOADS)
def test_a_load_is_read_from_its_folder(run, tmp_path):
    assert read(saved(tmp_path, load_document(run))) == run


def test_unknown_fields_of_a_later_lab_are_ignored(tmp_path):
    tree = on_disk(document(WHOLE))
    tree["added"] = tree["trials"][0]["added"] = tree["trials"][0]["requests"][0]["added"] = {"more": 1}
    assert read(saved(tmp_path, tree)) == WHOLE


def test_text_that_is_not_unicode_is_saved_with_question_marks(tmp_path):
    """The name of a file that is not UTF-8 holds half a surrogate pair, which UTF-8 cannot encode."""
    odd = replace(WHOLE, command="lab.py trace caf\udce9.py 漢\N{SNAKE}")
    results = Results(tmp_path / "new")
    results.add(document(odd)["trials"][0])
    results.finish(document(odd))
    results.add_page("caf\udce9")
    results._trials.close()
    assert read(tmp_path / "new") == replace(odd, command="lab.py trace caf?.py 漢\N{SNAKE}")
    assert results.page_path.read_text("utf-8") == "caf?"


# Results of a killed lab.


def cut_off(folder, trials, half=""):
    """The results folder of a lab that was killed."""
    place = folder / "20261122-120000-a1b2"
    place.mkdir()
    (place / "trials.jsonl").write_text("".join(f"{json.dumps(trial)}\n" for trial in trials) + half, encoding="utf-8")
    return place


@pytest.mark.parametrize("half", ["", '{"approach": "thr'])
def test_a_comparison_that_was_cut_off_has_its_trials_and_a_notice(tmp_path, half):
    trials = document(WHOLE)["trials"][:3]
    comparison = read(cut_off(tmp_path, trials, half))
    assert isinstance(comparison, Comparison)
    assert on_disk(document(comparison)["trials"]) == on_disk(trials)
    assert comparison.id == "20261122-120000-a1b2"
    assert comparison.started_at == "2026-11-22T12:00:00+00:00"
    assert [notice.code for notice in comparison.notices] == ["cut_off"]
    assert "saved trials: 3" in comparison.notices[0].message
    assert set(comparison.plan.approaches) == {trial["approach"] for trial in trials}


def test_a_load_that_was_cut_off_has_its_steps_and_a_notice(tmp_path):
    search = load_samples.search()
    run = read(cut_off(tmp_path, [load_trial_document(trial) for trial in search.trials[:2]]))
    assert isinstance(run, LoadRun)
    assert [asdict(trial.counts) for trial in run.trials] == [asdict(trial.counts) for trial in search.trials[:2]]
    assert [notice.code for notice in run.notices] == ["cut_off"]


def test_a_renamed_folder_has_no_start_time(tmp_path):
    folder = cut_off(tmp_path, document(WHOLE)["trials"]).rename(tmp_path / "kept for later")
    assert read(folder).started_at == ""


def test_a_folder_without_a_trial_is_bad_usage(tmp_path):
    with pytest.raises(UsageError, match="neither result\\.json nor trials\\.jsonl"):
        read(tmp_path)
    with pytest.raises(UsageError, match="holds no trial"):
        read(cut_off(tmp_path, []))
    with pytest.raises(UsageError, match="holds no trial"):
        read(saved(tmp_path, document(replace(WHOLE, trials=()))))


# Damage.


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is damaged"),
        (b'{"schema": "concurrency-lab', "is damaged"),
        (b"\xff\xfe\x00", "is damaged"),
        (b'{"schema": "\xff"}', "is damaged"),
        (b'{"a": ' * 100_000, "is damaged: maximum recursion depth"),
        (b"[" * 100_000, "is not a result of this lab"),
        (b"[]", "is not a result of this lab"),
        (b"{}", "is not a result of this lab"),
        (b'{"schema": 1}', "is not a result of this lab"),
        (b'{"schema": "concurrency-lab/comparison/2"}', "has the schema 'concurrency-lab/comparison/2'"),
        (b'{"schema": "concurrency-lab/comparison/1", "mode": "dance"}', "is damaged: "),
        (b'{"schema": "concurrency-lab/comparison/1", "mode": "compare"}', "missing required field `id`"),
        (
            b'{"schema": "concurrency-lab/comparison/1", "mode": "load", "id": 3}',
            r"Expected `str`, got `int` - at `\$\.id`",
        ),
    ],
)
def test_a_damaged_file_is_bad_usage_in_one_sentence(tmp_path, content, complaint):
    (tmp_path / "result.json").write_bytes(content)
    with pytest.raises(UsageError, match=complaint) as caught:
        read(tmp_path)
    assert str(tmp_path / "result.json") in caught.value.message
    assert "\n" not in caught.value.message


def replaced(tree, path, value):
    """`tree` with `value` at `path`."""
    tree = deepcopy(tree)
    place = tree
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return tree


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        (("mode",), "dance", r"Invalid enum value 'dance' - at `\$\.mode`"),
        (("seed",), True, r"Expected `int`, got `bool` - at `\$\.seed`"),
        (("trials", 1, "requests", 2, "start_s"), "soon", r"got `str` - at `\$\.trials\[1\]\.requests\[2\]\.start_s`"),
        (("trials", 1, "requests", 2, "start_s"), float("nan"), "JSON is malformed: invalid character"),
        (("trials", 1, "requests", 2, "server", "end_s"), None, r"got `null` - at `\$.+requests\[2\]\.server\.end_s`"),
        (("trials", 0, "makespan_s"), 10**400, r"Number out of range - at `\$\.trials\[0\]\.makespan_s`"),
        (("trials", 0, "outcome"), "great", r"Invalid enum value 'great' - at `\$\.trials\[0\]\.outcome`"),
        (("trials", 0, "server"), None, r"Expected `object`, got `null` - at `\$\.trials\[0\]\.server`"),
        (("trials", 0, "samples"), {}, r"Expected `array`, got `object` - at `\$\.trials\[0\]\.samples`"),
        (
            ("trials", 0, "trace", "lanes", 0, "spans", 0),
            ["io", 1.0],
            r"3 to 4 - at `\$.+lanes\[0\]\.spans\[0\]`",
        ),
        (("environment", "packages", "requests"), 2, r"Expected `str`, got `int` - at `\$\.environment\.packages"),
        (("plan", "blocks", 0, "trials", 0, "order"), None, r"at `\$\.plan\.blocks\[0\]\.trials\[0\]\.order`"),
    ],
)
def test_damage_is_reported_with_its_place(tmp_path, path, value, complaint):
    traced = document(replace(TRACED, trials=TRACED.trials * 2))
    with pytest.raises(UsageError, match=complaint):
        read(saved(tmp_path, replaced(on_disk(traced), path, value)))


def test_a_load_without_its_rate_is_damaged(tmp_path):
    tree = replaced(on_disk(load_document(load_samples.search())), ("trials", 1, "load", "rate"), None)
    with pytest.raises(UsageError, match=r"Incomplete open load - at `\$\.trials\[1\]\.load`"):
        read(saved(tmp_path, tree))


def test_damage_in_the_trials_of_a_killed_lab_names_their_file(tmp_path):
    trials = on_disk(document(WHOLE))["trials"][:3]
    trials[2]["requests"][1]["lane"] = 7
    complaint = r"trials\.jsonl is damaged: Expected `str`, got `int` - at `\$\[2\]\.requests\[1\]\.lane`"
    with pytest.raises(UsageError, match=complaint):
        read(cut_off(tmp_path, trials))


def places(tree, path=()):
    """The path of every value in `tree`."""
    yield path
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, child in children:
        yield from places(child, (*path, key))


SMALL = on_disk(document(samples.comparison(samples.plan(["threads"], requests=[1], delays_s=[0.1]))))
PLACES = [path for path in places(SMALL) if path and "samples" not in path[:-1]]


@given(st.sampled_from(PLACES), st.sampled_from([None, -1, 0.5, "x", [], {}, [[1]], True]))
def test_a_wrong_value_anywhere_is_damage_or_has_no_effect(path, value):
    with suppress(ValueError):  # any other exception is an error of the lab
        assert isinstance(read_back(replaced(SMALL, path, value)), Comparison)
