"""`lab.py report`: which result is meant, what is printed, what is written, and what is said when it cannot be."""

from __future__ import annotations

import csv
import json
import os
import webbrowser
from io import StringIO

import pytest

from labkit import cli, reports
from labkit.analysis.analyse import analyse
from labkit.output.page import Page
from labkit.reports import files
from labkit.reports.content.comparison import ComparisonReport
from labkit.results.load_document import document as load_document
from labkit.setup import bootstrap
from labkit.system import checkout
from tests import load_samples, samples
from tests.samples import document

WHOLE = samples.comparison()
OLDER, NEWER, LOAD = "20261121-120000-0001", "20261122-120000-a1b2", "20261120-120000-00ff"


@pytest.fixture(autouse=True)
def results(tmp_path, monkeypatch):
    """A checkout with three results in it."""
    monkeypatch.setattr(checkout, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "ensure", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    older = samples.comparison(samples.plan(["sync"]), id=OLDER)
    trees = {OLDER: document(older), NEWER: document(WHOLE), LOAD: load_document(load_samples.search())}
    for name, tree in trees.items():
        folder = tmp_path / "results" / name
        folder.mkdir(parents=True)
        (folder / "result.json").write_text(json.dumps(tree), encoding="utf-8")
    return tmp_path / "results"


def lab(*arguments):
    return cli.main(["report", *map(str, arguments)])


@pytest.mark.parametrize("name", [NEWER, "latest", f"results/{NEWER}", f"results/{NEWER}/result.json"])
def test_a_result_has_many_names(name, capsys):
    assert lab(name, "--format", "json") == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(document(WHOLE)))


@pytest.mark.parametrize("name", sorted({*reports.names()} - {*files.names()}))
def test_what_compare_printed_is_printed_again(name, capsys):
    assert lab(NEWER, "--format", name) == 0
    assert capsys.readouterr().out == reports.render(ComparisonReport(analyse(WHOLE)), name, Page()) + "\n"


def test_csv_is_a_row_per_request_on_standard_output(capfd):
    assert lab(NEWER, "--format", "csv") == 0
    rows = list(csv.DictReader(StringIO(capfd.readouterr().out)))
    assert len(rows) == sum(len(checked.trial.requests) for checked in WHOLE.trials)


@pytest.mark.parametrize("name", [name for name in files.names() if files.load(name).FILE])
def test_a_file_is_beside_the_result_and_its_path_is_said(name, results, capsys):
    assert lab(NEWER, "--format", name) == 0
    place = results / NEWER / files.load(name).FILE
    assert capsys.readouterr().out == f"{place}\n"
    assert place.stat().st_size > 1000


def test_html_is_what_is_made_by_itself_and_opens_in_the_browser(results, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or True)
    assert lab(NEWER, "--open") == 0
    place = results / NEWER / "report.html"
    assert opened == [place.as_uri()]
    assert capsys.readouterr().out == f"{place}\n"


def test_without_a_browser_the_report_is_there_and_that_is_said(results, monkeypatch, capsys):
    monkeypatch.setattr(webbrowser, "open", lambda _: False)
    assert lab(NEWER, "--open") == 3
    assert "no browser was found" in capsys.readouterr().err
    assert (results / NEWER / "report.html").exists()


@pytest.mark.parametrize("name", ["trace", "table", "csv"])
def test_the_place_of_a_report_can_be_named(name, tmp_path, capsys):
    place = tmp_path / "elsewhere"
    place.write_bytes(b"x" * 10)
    assert lab(NEWER, "--format", name, "--output", place) == 0
    assert capsys.readouterr().out == f"{place}\n"
    assert b"asyncio_gather" in place.read_bytes()


@pytest.mark.parametrize("name", ["table", "json", "csv", "markdown", None])
def test_a_load_has_reports_of_its_own(name, capsys):
    assert lab(LOAD, *(["--format", name] if name else [])) == 0
    assert "locust" in capsys.readouterr().out or name in {None, "table", "markdown"}


@pytest.mark.parametrize("options", [["--format", "png"], ["--format", "html"], ["--open"]])
def test_a_load_has_no_timeline(options, capsys):
    assert lab(LOAD, *options) == 2
    assert f"a load has no timeline: {' '.join(options)}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["20261122-120000-a1b3"], f"there is no result '20261122-120000-a1b3' (did you mean {NEWER}?)"),
        (["latets"], "(did you mean latest?)"),
        (["nowhere/result.json"], "there is no result 'nowhere/result.json'"),
        (["latest", "--format", "pgn"], "(did you mean png?)"),
        (["latest", "--format", "png", "--open"], "--open is for html"),
        (["."], "holds no result"),
    ],
)
def test_bad_usage_says_what_is_wrong(arguments, complaint, capsys):
    assert lab(*arguments) == 2
    said = capsys.readouterr()
    assert complaint in said.err
    assert said.out == ""


def test_a_damaged_result_is_named_and_where(results, capsys):
    (results / NEWER / "result.json").write_text('{"schema": "concurrency-lab/comparison/1", "mode": "compare"}')
    assert lab("latest") == 2
    assert f"{NEWER}/result.json is damaged: Object missing required field `id`" in capsys.readouterr().err


def test_without_any_result_the_command_that_makes_one_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(checkout, "ROOT", tmp_path / "empty")
    assert lab("latest") == 2
    assert "lab.py compare" in capsys.readouterr().err


def test_where_nothing_can_be_written_another_place_is_asked_for(tmp_path, capsys):
    assert lab(NEWER, "--format", "trace", "--output", tmp_path) == 3
    assert "--output" in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to_is_told(results, capsys):
    folder = results / NEWER
    folder.chmod(0o500)
    try:
        assert lab(NEWER, "--format", "trace") == 3
    finally:
        folder.chmod(0o700)
    assert f"the report cannot be kept in {folder}" in capsys.readouterr().err


def test_a_comparison_that_was_cut_off_has_reports_too(results, capsys):
    folder = results / "20261123-120000-0000"
    folder.mkdir()
    lines = [json.dumps(trial) for trial in document(WHOLE)["trials"][:2]]
    (folder / "trials.jsonl").write_text("\n".join([*lines, '{"half']))
    assert lab("latest", "--format", "table") == 0
    assert "was cut off" in " ".join(capsys.readouterr().out.split())
