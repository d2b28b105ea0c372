"""Reports of every kind in every format: what they look like, and what holds for each of them.

The golden files show whole reports. `python lab.py test tests/unit/test_reports.py --update-golden` writes them again
after an intended change, and git shows the difference.
"""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, replace
from io import StringIO
from typing import Any

import pytest

from labkit import options, reports, scenarios
from labkit.model import Notice
from labkit.output.format import sanitize
from labkit.output.page import Page, page
from labkit.output.text import text_width
from labkit.reports import formats
from labkit.reports.blocks import Block, Items, Sparklines, Table
from labkit.reports.content.comparison import ComparisonReport
from labkit.reports.content.faults import compare_handling
from labkit.reports.content.load import LoadReport
from labkit.reports.content.remarks import MOST_LINES
from tests import load_samples, samples
from tests.report_samples import REPORTS, compared

NUMBER = re.compile(r"\d+(?:\.\d+)?")
ANSI = re.compile(r"\x1b\[[0-9;]*m")
WIDTHS = {"80": Page(80), "200": Page(200), "piped": Page()}
HOSTILE = [name for name in REPORTS if name.endswith("/hostile")]
KINDS = {name.partition("/")[0]: report for name, report in reversed(REPORTS.items())}

each_report = pytest.mark.parametrize("name", REPORTS)
each_format = pytest.mark.parametrize("format_", reports.names())
each_kind = pytest.mark.parametrize("kind", KINDS)


def table(report, width=None, **changes):
    return reports.render(report, "table", Page(width, **changes))


def rows_of(report):
    return list(csv.DictReader(StringIO(reports.render(report, "csv", Page()))))


# Golden files.


@each_report
@pytest.mark.parametrize("width", WIDTHS)
def test_a_table_looks_as_it_did(name, width, golden):
    golden(f"{name}.table.{width}.txt", reports.render(REPORTS[name], "table", WIDTHS[width]))


@each_report
def test_markdown_looks_as_it_did(name, golden):
    golden(f"{name}.md", reports.render(REPORTS[name], "markdown", Page()))


@each_kind
def test_csv_has_the_columns_that_it_had(kind, golden):
    golden(f"{kind}/columns.csv", reports.render(KINDS[kind], "csv", Page()).splitlines()[0])


@pytest.mark.parametrize("name", ["history/entries", "doctor/failed"])
def test_json_looks_as_it_did(name, golden):
    golden(f"{name}.json", reports.render(REPORTS[name], "json", Page()))


# Formats.


def test_the_formats_are_those_that_users_know():
    assert {"table", "json", "csv", "markdown"} <= set(reports.names())
    assert reports.DEFAULT in reports.names()


COMMANDS = {
    "comparison": [["compare"], ["rerun", "latest"]],
    "load": [["load"]],
    "diff": [["diff", "a", "b"]],
    "history": [["history"]],
    "doctor": [["doctor"]],
}


@each_kind
def test_a_new_format_is_one_file_and_serves_every_kind_of_result(kind, tmp_path, monkeypatch):
    code = "def render(report, page):\n    return f'{type(report).__name__}!'.upper()\n"
    (tmp_path / "shout.py").write_text(code)
    monkeypatch.setattr(formats, "__path__", [*formats.__path__, str(tmp_path)])
    report = KINDS[kind]
    assert reports.render(report, "shout", Page()) == f"{type(report).__name__}!".upper()
    for command in COMMANDS[kind]:
        assert options.parser().parse_args([*command, "--format", "shout"]).format == "shout"


@pytest.mark.parametrize("format_", reports.names())
def test_the_doctor_reports_before_anything_is_installed(format_):
    code = (
        "import sys; sys.path.insert(0, '.'); from datetime import *; from labkit import reports;"
        "from labkit.model.finding import *; from labkit.output.page import Page;"
        "from labkit.reports.content.doctor import DoctorReport;"
        "found = Examination(datetime.now(UTC), (ok('python', 'CPython'), failed('room', 'none', 'Make room.')));"
        f"print(reports.render(DoctorReport(found), {format_!r}, Page(80)))"
    )
    run = subprocess.run([sys.executable, "-S", "-I", "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert "Make room." in run.stdout


@each_report
@each_format
def test_a_report_ends_with_its_last_line(name, format_):
    assert not reports.render(REPORTS[name], format_, Page()).endswith("\n")


@pytest.mark.parametrize("name", HOSTILE)
@each_format
@pytest.mark.parametrize("width", [40, 120, None])
def test_foreign_text_cannot_steer_a_terminal(name, format_, width):
    text = reports.render(REPORTS[name], format_, Page(width))
    assert [char for char in text.replace("\n", "") if not char.isprintable()] == []
    if format_ == "json" or not name.startswith("load"):
        assert "[/bold]" in text.replace("\n", "").replace("\\", "").replace(" ", "") or name.startswith("history")


# The table on every page.


@dataclass
class Uncuttable:
    """A report without the parts that a narrow page may leave out or cut, or must not break."""

    report: reports.Report

    def blocks(self) -> tuple[Block, ...]:
        return tuple(self._needed(block) for block in self.report.blocks() if not isinstance(block, Sparklines))

    @staticmethod
    def _needed(block: Block) -> Block:
        match block:
            case Table(columns):
                return Table(tuple(column for column in columns if not column.optional))
            case Items(items):
                return Items(tuple(replace(item, action="") for item in items))
        return block

    def document(self) -> dict[str, Any]:
        return self.report.document()

    def rows(self) -> list[dict[str, Any]]:
        return self.report.rows()


@each_report
@pytest.mark.parametrize("width", [34, 40, 60, 72, 79, 80, 100, 120, 200])
def test_no_line_is_wider_than_the_page_and_no_figure_is_lost_or_cut(name, width):
    report = Uncuttable(REPORTS[name])
    text = table(report, width)
    assert max(map(text_width, text.splitlines())) <= width
    if not name.startswith("history"):  # one line per result: what does not fit is cut
        whole, shown = (Counter(NUMBER.findall(each)) for each in (table(report), text))
        names = [block.columns[0].cells for block in report.blocks() if isinstance(block, Table)]
        repeated = {number for cells in names for cell in cells for number in NUMBER.findall(cell)}
        assert whole <= shown
        assert set(shown - whole) <= repeated


@pytest.mark.parametrize(
    ("name", "width"),
    [("comparison/one_trial", 80), ("comparison/repeats", 150), *((f"load/{each}", 80) for each in ("open", "search"))],
)
def test_where_the_table_fits_it_stays_in_one_piece(name, width):
    assert table(REPORTS[name], width).count("──\n") == 1


def test_at_eighty_columns_the_robust_approaches_stay_in_one_piece():
    names = ["thread_pool_robust", "asyncio_robust", "asyncio_adaptive"]
    whole = samples.comparison(
        samples.of_scenario("rate-limit", names),
        lambda planned: samples.good_trial(planned, makespan_s=planned.ideal_s + planned.repeat / 10, samples=()),
    )
    text = table(compared(whole), 80)
    assert text.count("──\n") == 1


@pytest.mark.parametrize("width", [80, 200])
def test_each_result_of_the_history_has_one_line(width):
    text = table(REPORTS["history/entries"], width)
    assert len(text.split("──\n")[1].split("\n\n")[0].splitlines()) == 7


def test_a_name_wider_than_the_page_wraps_and_leaves_the_figures_whole():
    name = "an_approach_with_a_name_that_is_wider_than_the_page"
    report = Uncuttable(compared(samples.comparison(samples.plan([name]))))
    text = table(report, 40)
    assert max(map(text_width, text.splitlines())) <= 40
    assert Counter(NUMBER.findall(text)) == Counter(NUMBER.findall(table(report)))
    columns = re.findall(r"^an_app\S*(?: .*)?(?:\n\w+$)*", text, re.MULTILINE)
    assert any("".join(line.split()[0] for line in part.splitlines()) == name for part in columns)


@pytest.mark.parametrize("width", [40, 80, None])
def test_the_place_of_the_result_stays_in_one_piece(width):
    saved = "results/a-rather-long-name-of-a-folder/result.json"
    for kind in ("comparison", "load"):
        assert table(KINDS[kind], width, saved=saved).splitlines()[-1].endswith(saved)


def test_a_command_is_never_broken():
    action = REPORTS["doctor/failed"].examination.findings[1].remedy
    assert f"→ {action}" in table(REPORTS["doctor/failed"], 60)


@each_report
def test_colour_carries_no_meaning_of_its_own(name):
    coloured = table(REPORTS[name], 80, colour=True)
    plain = [line.rstrip() for line in ANSI.sub("", coloured).splitlines()]
    assert plain == table(REPORTS[name], 80).splitlines()
    assert ("\x1b" in coloured) == (name not in {"load/nothing", "history/nothing", "history/hostile"})


# The page.


class Terminal(StringIO):
    def isatty(self):
        return True

    def fileno(self):
        raise OSError


def test_without_a_terminal_nothing_is_wrapped_or_coloured():
    piped = page(StringIO(), environ={"TERM": "xterm-256color"})
    assert piped == Page()
    message = ("word " * 60).strip()
    comparison = samples.comparison(notices=(Notice("long", message),))
    assert message in table(compared(comparison)).splitlines()


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1", "TERM": "xterm"}, {"TERM": "dumb"}])
def test_a_terminal_can_decline_colours(environ):
    assert page(Terminal(), environ=environ) == Page(80, colour=False)
    assert page(Terminal(), environ={"TERM": "xterm", "WT_SESSION": "1"}) == Page(80, colour=True)


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_the_page_is_as_wide_as_the_terminal():
    fcntl, termios = pytest.importorskip("fcntl"), pytest.importorskip("termios")
    main, other = os.openpty()
    with os.fdopen(main, "w"), os.fdopen(other, "w") as terminal:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, (30).to_bytes(2, sys.byteorder) + (57).to_bytes(2, sys.byteorder)
                    + bytes(4))  # fmt: skip
        assert page(terminal, "kept/here", {"TERM": "xterm"}).width == 57


# What a golden file cannot tell.


@pytest.mark.parametrize("scenario", scenarios.names())
@pytest.mark.parametrize("width", [80, 200, None])
def test_a_scenario_is_introduced_once(scenario, width):
    plan = samples.of_scenario(scenario, workers=[1, 3])
    text = " ".join(table(compared(samples.comparison(plan)), width).split())
    module = scenarios.load(scenario)
    assert text.count(module.question) == (scenario != scenarios.DEFAULT)
    assert text.lower().count(module.summary.lower()) == (scenario != scenarios.DEFAULT)


FAULTY = {"timeouts", "flaky", "rate-limit", "crash", "restart"}


@pytest.mark.parametrize("scenario", scenarios.names())
def test_a_server_with_faults_has_columns_about_them(scenario):
    text = reports.render(compared(samples.comparison(samples.of_scenario(scenario))), "markdown", Page())
    assert ("| answered | failed | attempts |" in text) == (scenario in FAULTY)


def test_the_approaches_keep_the_order_of_the_command():
    names = ["threads", "asyncio_gather", "sync"]
    lines = table(compared(samples.comparison(samples.plan(names, seed=5)))).splitlines()
    assert [line.split()[0] for line in lines if line.split()[:1] and line.split()[0] in names] == names


@pytest.mark.parametrize(
    ("own_s", "sync_s", "text"),
    [
        (None, 0.4, ""),
        (0.4, None, "handling the bodies took 0.40 s"),
        (0.41, 0.4, "handling the bodies took 0.41 s, about as long as sync (0.40 s)"),
        (0.2, 0.4, "handling the bodies took 0.20 s, 2.0 × as fast as sync (0.40 s)"),
        (0.6, 0.4, "handling the bodies took 0.60 s, 1.5 × as long as sync (0.40 s)"),
    ],
)
def test_handling_is_compared_with_sync(own_s, sync_s, text):
    assert compare_handling(own_s, sync_s) == text


def test_only_the_last_lines_of_a_client_are_shown():
    report = compared(samples.troubled_comparison(worker_classes=["sync"], worker_threads=[1]))
    text = table(report)
    assert text.count("still waiting") == MOST_LINES
    assert "still waiting, round 39" in text


def test_foreign_text_cannot_leave_its_cell_or_fence_in_markdown():
    lines = reports.render(REPORTS["comparison/hostile"], "markdown", Page()).splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in rows}) == 1
    assert r"a\|b \[red\]c\[/red\] \`\_d\_\`" in rows[2]
    opening = next(number for number, line in enumerate(lines) if line.strip().startswith("````"))
    closing = lines.index("  ````", opening + 1)
    assert {"  ```", "  end of fence"} <= set(lines[opening:closing])


def test_an_endless_line_is_cut():
    assert "x" * 500 not in table(REPORTS["comparison/hostile"])


# For programs.


@each_report
def test_json_is_the_document_and_nothing_else(name):
    report = REPORTS[name]
    text = reports.render(report, "json", Page(40, colour=True, saved="x"))
    assert json.loads(text) == json.loads(json.dumps(report.document()))


@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
def test_json_refuses_numbers_that_it_cannot_express(odd):
    trial = samples.good_trial(cold_start_s=odd)
    comparison = samples.comparison(samples.plan(["threads"]), lambda _: trial)
    for report in (compared(comparison), LoadReport(load_samples.load_run(load_samples.open_trial(cpu_s=odd)))):
        with pytest.raises(ValueError, match="JSON"):
            reports.render(report, "json", Page())


# Raw rows and texts, and the server's behaviour, which follows from the scenario and the seed.
NOT_IN_CSV = {"requests", "unmatched", "answers", "causes", "samples", "trace", "errors", "seconds", "last_lines"}


def flat(tree, prefix=""):
    for key, value in tree.items():
        if isinstance(value, dict) and key not in {"failed_by_cause", "behaviour"}:
            yield from flat(value, f"{prefix}{key}.")
        elif key not in {*NOT_IN_CSV, "behaviour", "checks"}:
            yield f"{prefix}{key}", value


@pytest.mark.parametrize("name", [name for name in REPORTS if name.startswith(("comparison", "load"))])
def test_csv_has_every_field_of_every_trial(name):
    rows, document = rows_of(REPORTS[name]), REPORTS[name].document()
    assert len(rows) == len(document["trials"])
    for row, trial in zip(rows, document["trials"], strict=True):
        for column, value in flat(trial):
            if value is None and column in {"latency_s", "response_s"}:
                assert {row[each] for each in row if each.startswith(f"{column}.")} == {""}
            elif isinstance(value, dict):
                assert json.loads(row[column]) == value
            else:
                assert row[column] == ("" if value is None else sanitize(str(value)))
        assert row["checks_failed"].split() == [check["name"] for check in trial["checks"] if check["ok"] is False]
        assert row["environment.runtime"] == document["environment"]["runtime"]


@pytest.mark.parametrize("name", [name for name in REPORTS if name.startswith("diff")])
def test_csv_has_every_field_of_every_difference(name):
    rows, document = rows_of(REPORTS[name]), REPORTS[name].document()
    assert len(rows) == len(document["rows"])
    for row, data in zip(rows, document["rows"], strict=True):
        for column, value in flat(data):
            if column in {"difference_ci95_s", "ratio_ci95"}:
                ends = [row[f"{column}.low"], row[f"{column}.high"]]
                assert ends == (["", ""] if value is None else [str(each) for each in value])
            else:
                assert row[column] == ("" if value is None else sanitize(str(value)))


def test_csv_keeps_a_row_on_one_line_and_text_as_it_was():
    error = '=1+1, "quoted"\nnext'
    comparison = samples.comparison(
        samples.plan(["threads"]), lambda planned: samples.crashed_trial(planned, error=error)
    )
    (row,) = rows_of(compared(comparison))
    assert row["error"] == error.replace("\n", "\\n")


def test_a_comparison_report_takes_everything_from_its_analysis():
    analysis = compared(samples.comparison()).analysis
    shown = ComparisonReport(replace(analysis, summary=analysis.summary[:1]))
    text = table(shown)
    assert "sync" in text
    assert "asyncio_gather" not in text
