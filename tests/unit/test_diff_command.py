"""`lab.py diff`: how results are found and labelled, and the messages if they cannot be compared."""

from __future__ import annotations

import json
import shutil

import pytest

from labkit import cli, reports
from labkit.results.load_document import document as load_document
from labkit.setup import bootstrap
from labkit.system import checkout
from tests import load_samples, samples
from tests.samples import document

FIRST, SECOND, LOAD = "20261121-120000-0001", "20261122-120000-a1b2", "20261120-120000-00ff"


@pytest.fixture(autouse=True)
def results(tmp_path, monkeypatch):
    """A checkout with two comparisons and a load in it."""
    monkeypatch.setattr(checkout, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "ensure", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    whole = samples.plan(["sync", "threads"], repeat=5)
    trees = {name: document(samples.comparison(whole, id=name)) for name in (FIRST, SECOND)}
    for name, tree in (trees | {LOAD: load_document(load_samples.search())}).items():
        folder = tmp_path / "results" / name
        folder.mkdir(parents=True)
        (folder / "result.json").write_text(json.dumps(tree), encoding="utf-8")
    return tmp_path / "results"


def lab(*arguments):
    return cli.main(["diff", *map(str, arguments)])


@pytest.mark.parametrize(
    "names", [(FIRST, SECOND), (FIRST, "latest"), (f"results/{FIRST}", f"results/{SECOND}/result.json")]
)
def test_a_result_is_named_by_id_path_or_latest(names, capsys):
    assert lab(*names, "--format", "json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert [result["id"] for result in printed["results"]] == [FIRST, SECOND]
    assert [result["label"] for result in printed["results"]] == [FIRST, SECOND]


@pytest.mark.parametrize("name", reports.names())
@pytest.mark.parametrize("more", [(), (FIRST,)])
def test_every_format_is_printed_to_standard_output(name, more, capsys):
    assert lab(FIRST, SECOND, *more, "--format", name) == 0
    output = capsys.readouterr()
    assert "threads" in output.out
    assert output.err == ""


def test_results_are_labelled_by_their_folders_or_by_paths_if_names_are_equal(results, capsys):
    for machine in ("one", "two"):
        shutil.copytree(results / FIRST, results.parent / machine / "mine")
    shutil.copytree(results / FIRST, results.parent / "laptop-07")
    assert lab("one/mine", "two/mine", "laptop-07", "laptop-07", "--format", "json") == 0
    labels = [result["label"] for result in json.loads(capsys.readouterr().out)["results"]]
    assert labels == ["one/mine", "two/mine", "laptop-07", "laptop-07 (2)"]


def test_the_margin_is_in_the_table_and_in_the_document(capsys):
    assert lab(FIRST, SECOND, "--least", "2.5") == 0
    assert "2.5 % (--least)" in capsys.readouterr().out
    assert lab(FIRST, SECOND, "--least", "2.5", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["least"] == 0.025


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([FIRST], "diff needs at least two results"),
        ([FIRST, "20261121-120000-0002"], f"(did you mean {FIRST}?)"),
        ([FIRST, LOAD], f"{LOAD} is a load"),
        ([FIRST, SECOND, "--least", "-1"], "'-1' is not a number of percent from 0 to 1000"),
        ([FIRST, SECOND, "--format", "html"], "'html' is not one of"),
        ([FIRST, "."], "holds no result"),
    ],
)
def test_a_usage_error_names_its_cause(arguments, complaint, capsys):
    assert lab(*arguments) == 2
    output = capsys.readouterr()
    assert complaint in output.err
    assert output.out == ""


def test_one_error_names_all_results_that_cannot_be_compared(results, capsys):
    (results / SECOND / "result.json").write_text('{"schema": "concurrency-lab/comparison/1", "mode": "compare"}')
    assert lab(FIRST, SECOND, LOAD) == 2
    output = capsys.readouterr()
    assert f"{SECOND}/result.json is damaged: Object missing required field `id`" in output.err
    assert f"{LOAD} is a load" in output.err
    assert output.out == ""


def test_an_error_names_at_most_ten_results(capsys):
    assert lab(FIRST, *[LOAD] * 15) == 2
    output = capsys.readouterr().err
    assert output.count(f"{LOAD} is a load") == 10
    assert "and 5 others" in output


def test_an_unfinished_comparison_can_be_compared(results, capsys):
    (results / SECOND / "result.json").rename(results / "whole.json")
    tree = json.loads((results / "whole.json").read_text("utf-8"))
    lines = "".join(f"{json.dumps(trial)}\n" for trial in tree["trials"][:4])
    (results / SECOND / "trials.jsonl").write_text(lines, encoding="utf-8")
    assert lab(FIRST, SECOND) == 0
    out = capsys.readouterr().out
    assert "5, 2" in out
    assert "runtime: local → unknown" in out


@pytest.mark.parametrize("folder", ["results", "{here}/results"])
def test_diff_expands_a_pattern(results, folder, capsys):
    pattern = f"{folder.format(here=results.parent)}/202611*-a*"
    assert lab(FIRST, pattern, "--format", "json") == 0
    assert [result["id"] for result in json.loads(capsys.readouterr().out)["results"]] == [FIRST, SECOND]
