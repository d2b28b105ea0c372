"""`lab.py history`: one line per folder, damaged or not, and quick for large results."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace

import pytest

from labkit import cli
from labkit.analysis.metrics import trial_metrics
from labkit.reports.content.history import describe_grid, describe_state, describe_verdict
from labkit.results.document import trial_document
from labkit.results.history import list_results
from labkit.results.load_document import document as load_document
from labkit.results.store import Results
from labkit.setup import bootstrap
from labkit.system import checkout
from tests import load_samples, samples
from tests.samples import document

IDS = [f"202611{day:02}-120000-a1b2" for day in range(10, 20)]


@pytest.fixture(autouse=True)
def results(tmp_path, monkeypatch):
    """An empty checkout."""
    monkeypatch.setattr(checkout, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "ensure", lambda *_: None)
    (tmp_path / "results").mkdir()
    return tmp_path / "results"


def keep(results, name, tree):
    """Save `tree` as the lab does."""
    kept = Results(results / name)
    kept.finish(tree)
    kept._trials.close()


def dated(name, comparison):
    """The document of `comparison`, started at the time in `name`."""
    return document(replace(comparison, id=name, started_at=f"2026-11-{name[6:8]}T12:00:00+00:00"))


def found(results, running=()):
    return list_results(results, lambda name: name in running)


def lab(*arguments):
    return cli.main(["history", *arguments])


def test_results_come_newest_first_with_what_they_are(results, capsys):
    keep(results, IDS[0], dated(IDS[0], samples.comparison(samples.plan(repeat=3, workers=[1, 3]))))
    keep(results, IDS[2], dated(IDS[2], samples.comparison(samples.plan(["threads"]), rerun_of=IDS[0])))
    keep(
        results,
        IDS[1],
        load_document(load_samples.search()) | {"id": IDS[1], "started_at": "2026-11-11T12:00:00+00:00"},
    )
    newest, load, oldest = found(results)
    assert [newest.id, load.id, oldest.id] == [IDS[2], IDS[1], IDS[0]]
    assert (newest.mode, newest.approaches, newest.trials, newest.state) == ("compare", ("threads",), 1, "complete")
    assert newest.rerun_of == IDS[0]
    assert describe_grid(newest.rows) == "9 requests · 3 sync workers · 1 s"
    assert (load.mode, describe_grid(load.rows)) == ("load", "1,2,2.5,3.5 per second · 3 sync workers · 1 s")
    assert oldest.approaches == samples.DEFAULT_NAMES
    assert describe_grid(oldest.rows) == "9 requests · 1,3 sync workers · 1 s · limit 1,3"
    assert oldest.trials == 2 * 3 * len(samples.DEFAULT_NAMES)
    assert lab() == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[: len(IDS[0])] for line in lines[2:5]] == [IDS[2], IDS[1], IDS[0]]
    assert "sync, threads, thread_pool and 3 others" in lines[4]


def test_the_fastest_approach_is_named(results):
    def measure(planned):
        good = samples.good_trial(planned, slower=1 + planned.repeat / 10)
        return replace(good, makespan_s=good.makespan_s * (1 if planned.approach == "threads" else 2))

    comparison = samples.comparison(samples.plan(["sync", "threads"], repeat=3), measure)
    sound = tuple(replace(checked, checks=()) for checked in comparison.trials)
    keep(results, IDS[0], dated(IDS[0], replace(comparison, trials=sound)))
    keep(results, IDS[1], dated(IDS[1], samples.comparison(samples.plan(["threads", "asyncio_gather"], repeat=3))))
    close, clear = found(results)
    assert (describe_verdict(close.rows), describe_verdict(clear.rows)) == ("no clear winner", "threads fastest")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda whole: replace(whole, trials=whole.trials[:4]), "4/6 ran"),
        (lambda whole: replace(whole, unavailable={"sync": "needs more"}, trials=whole.trials[:5]), ""),
    ],
)
def test_a_result_with_fewer_trials_than_planned_is_incomplete(results, change, why):
    keep(results, IDS[0], dated(IDS[0], change(samples.comparison())))
    (entry,) = found(results)
    assert (describe_state(entry), entry.state) == (why, "incomplete" if why else "complete")


def test_unranked_trials_are_counted(results):
    comparison = samples.comparison(
        measure=lambda planned: (
            samples.crashed_trial(planned) if planned.approach == "sync" else samples.good_trial(planned)
        )
    )
    keep(results, IDS[0], dated(IDS[0], comparison))
    (entry,) = found(results)
    assert (entry.state, describe_state(entry), entry.trials) == ("incomplete", "5/6 ranked", 6)


def test_damaged_and_foreign_folders_are_listed_beside_the_others(results, capsys):
    keep(results, IDS[0], dated(IDS[0], samples.comparison()))
    whole = (results / IDS[0] / "result.json").read_bytes()
    contents = {
        IDS[1]: b"",
        IDS[2]: whole[: len(whole) // 2],
        IDS[3]: b"[1, 2]",
        IDS[4]: b"\xff\xfe",
        IDS[5]: whole.replace(b"comparison/1", b"comparison/9"),
        IDS[6]: whole.replace(b'"trials": 1,', b'"trials": "1",'),
        IDS[7]: b"[" * 100_000,
    }
    for name, content in contents.items():
        (results / name).mkdir()
        (results / name / "result.json").write_bytes(content)
    (results / "holiday pictures").mkdir()
    (results / "a file").write_text("nothing")
    (results / IDS[8]).mkdir()
    (results / IDS[8] / "result.json").mkdir()
    states = {entry.id: entry.state for entry in found(results)}
    assert states == {
        IDS[0]: "complete",
        **dict.fromkeys([*contents, IDS[8]], "damaged"),
        "holiday pictures": "foreign",
    }
    assert all(entry.problem for entry in found(results) if entry.state != "complete")
    assert lab() == 0
    out = capsys.readouterr().out
    assert out.count("damaged: ") == len(contents) + 1
    assert "foreign: neither result.json nor trials.jsonl" in out
    assert lab("--format", "json") == 0
    assert len(json.loads(capsys.readouterr().out)["results"]) == len(contents) + 3


def test_a_running_result_and_one_that_was_cut_off_differ(results):
    whole = samples.comparison()
    for name in IDS[:2]:
        kept = Results(results / name)
        for checked in whole.trials[:3]:
            kept.add(trial_document(checked, trial_metrics(checked.trial)))
        kept._trials.close()
        with (results / name / "trials.jsonl").open("ab") as file:
            file.write(b'{"approach": "half')
    running, gone = found(results, running={IDS[1]})
    assert (running.state, gone.state) == ("running", "cut off")
    assert {running.trials, gone.trials} == {3}
    assert gone.approaches == tuple(checked.trial.planned.approach for checked in whole.trials[:3])
    assert gone.started_at == "2026-11-10T12:00:00+00:00"


def test_a_load_that_was_cut_off_has_its_mode(results):
    kept = Results(results / IDS[0])
    kept.add(load_document(load_samples.search())["trials"][0])
    kept._trials.close()
    (entry,) = found(results)
    assert (entry.state, entry.mode, entry.approaches, entry.trials) == ("cut off", "load", (), 1)


@pytest.mark.parametrize("line", [b"what is this", b"[1]", b"{}", b'{"approach": 1, "load": {}}', b"\xff"])
def test_lines_that_are_not_trials_are_damage(results, line):
    (results / IDS[0]).mkdir()
    (results / IDS[0] / "trials.jsonl").write_bytes(line + b"\n")
    (entry,) = found(results)
    assert (entry.state, entry.trials) == ("damaged", None)
    assert entry.problem


@pytest.mark.parametrize("indent", [None, 1, 2])
def test_the_layout_of_a_document_does_not_matter(results, indent):
    tree = dated(IDS[0], samples.comparison(samples.plan(repeat=2)))
    (results / IDS[0]).mkdir()
    (results / IDS[0] / "result.json").write_text(json.dumps(tree, indent=indent), encoding="utf-8")
    (entry,) = found(results)
    assert (entry.state, entry.trials) == ("complete", 12)


def test_the_trials_of_a_large_result_are_skipped(results):
    """Trials of other types change nothing, and 100 MB of them take next to no time."""
    keep(results, IDS[0], dated(IDS[0], samples.comparison()))
    path = results / IDS[0] / "result.json"
    head, mark, rest = path.read_bytes().partition(b'\n "trials": [')
    (entry,) = found(results)
    with path.open("wb") as file:
        file.write(head + mark)
        for _ in range(100):
            file.write(b'\n  {"approach": [0.125, null]},' * 33_000)
        file.write(rest)
    began = time.process_time()
    assert found(results) == [entry]
    assert time.process_time() - began < 1.0


def test_hundreds_of_results_are_listed_quickly(results):
    tree = dated(IDS[0], samples.comparison(samples.plan(repeat=3)))
    keep(results, "first", tree)
    for number in range(300):
        (results / f"{number}").mkdir()
        os.link(results / "first" / "result.json", results / f"{number}" / "result.json")
    began = time.process_time()
    assert len(found(results)) == 301
    assert time.process_time() - began < 5.0


def test_an_empty_list_names_the_command_that_makes_a_result(capsys):
    assert lab() == 0
    assert "lab.py compare" in capsys.readouterr().out
