"""`lab.py report`: it finds the result, prints or writes the report, and explains why it cannot."""

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
def test_a_text_report_is_printed_as_compare_prints_it(name, capsys):
    assert lab(NEWER, "--format", name) == 0
    assert capsys.readouterr().out == reports.render(ComparisonReport(analyse(WHOLE)), name, Page()) + "\n"


def test_csv_prints_one_row_per_request(capfd):
    assert lab(NEWER, "--format", "csv") == 0
    rows = list(csv.DictReader(StringIO(capfd.readouterr().out)))
    assert len(rows) == sum(len(checked.trial.requests) for checked in WHOLE.trials)


@pytest.mark.parametrize("name", [name for name in files.names() if files.load(name).FILE and name != "png"])
def test_a_file_is_written_beside_the_result_and_its_path_is_printed(name, results, capsys):
    assert lab(NEWER, "--format", name) == 0
    place = results / NEWER / files.load(name).FILE
    assert capsys.readouterr().out == f"{place}\n"
    assert place.stat().st_size > 1000


def test_html_is_the_default_and_opens_in_the_browser(results, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or True)
    assert lab(NEWER, "--open") == 0
    place = results / NEWER / "report.html"
    assert opened == [place.as_uri()]
    assert capsys.readouterr().out == f"{place}\n"


def test_without_a_browser_to_open_it_the_report_is_written(results, monkeypatch, capsys):
    monkeypatch.setattr(webbrowser, "open", lambda _: False)
    assert lab(NEWER, "--open") == 3
    assert "no browser was found" in capsys.readouterr().err
    assert (results / NEWER / "report.html").exists()


def test_a_picture_without_a_browser_on_path_names_the_programs(results, monkeypatch, capsys):
    monkeypatch.setenv("PATH", "")
    assert lab(NEWER, "--format", "png") == 3
    message = " ".join(capsys.readouterr().err.split())
    assert "no browser on PATH: looked for chromium, " in message
    assert not (results / NEWER / "timeline.png").exists()


@pytest.mark.parametrize("name", ["trace", "table", "csv"])
def test_output_names_the_path_of_a_report(name, tmp_path, capsys):
    place = tmp_path / "elsewhere"
    place.write_bytes(b"x" * 10)
    assert lab(NEWER, "--format", name, "--output", place) == 0
    assert capsys.readouterr().out == f"{place}\n"
    assert b"asyncio_gather" in place.read_bytes()


@pytest.mark.parametrize("name", ["table", "json", "csv", "markdown", None])
def test_a_load_has_its_own_reports(name, capsys):
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
def test_bad_usage_is_explained(arguments, complaint, capsys):
    assert lab(*arguments) == 2
    printed = capsys.readouterr()
    assert complaint in printed.err
    assert printed.out == ""


def test_the_damaged_field_of_a_result_is_named(results, capsys):
    (results / NEWER / "result.json").write_text('{"schema": "concurrency-lab/comparison/1", "mode": "compare"}')
    assert lab("latest") == 2
    assert f"{NEWER}/result.json is damaged: Object missing required field `id`" in capsys.readouterr().err


def test_without_any_result_the_command_that_makes_one_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(checkout, "ROOT", tmp_path / "empty")
    assert lab("latest") == 2
    assert "lab.py compare" in capsys.readouterr().err


def test_an_unwritable_path_ends_with_a_hint(tmp_path, capsys):
    assert lab(NEWER, "--format", "trace", "--output", tmp_path) == 3
    assert "--output" in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_named(results, capsys):
    folder = results / NEWER
    folder.chmod(0o500)
    try:
        assert lab(NEWER, "--format", "trace") == 3
    finally:
        folder.chmod(0o700)
    assert f"the report cannot be written to {folder}" in capsys.readouterr().err


def test_an_unfinished_comparison_has_reports(results, capsys):
    folder = results / "20261123-120000-0000"
    folder.mkdir()
    lines = [json.dumps(trial) for trial in document(WHOLE)["trials"][:2]]
    (folder / "trials.jsonl").write_text("\n".join([*lines, '{"half']))
    assert lab("latest", "--format", "table") == 0
    assert "was cut off" in " ".join(capsys.readouterr().out.split())
