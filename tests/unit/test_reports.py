"""Every report shows what was measured, whatever it is written on and whatever others put into it."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from labkit import reports, scenarios
from labkit.model import Check, CheckedTrial, Notice
from labkit.output.format import sanitize
from labkit.output.page import Page, page
from labkit.reports.content.faults import compare_handling
from labkit.reports.content.trouble import MOST_LINES
from labkit.reports.csv_ import CHECKS_COLUMN, COLUMNS, COMPARISON_COLUMNS, TRIAL_COLUMNS
from labkit.results.document import document
from tests import samples

ONE_TRIAL = samples.comparison()
FIVE_RUNS = samples.comparison(samples.plan(repeat=5))
TROUBLED = samples.troubled_comparison()
TROUBLED_TWICE = samples.troubled_comparison(repeat=2)
COPING = samples.comparison(samples.of_scenario("flaky"), samples.coping_trial)
ALL = [ONE_TRIAL, FIVE_RUNS, TROUBLED, TROUBLED_TWICE]
each_scenario = pytest.mark.parametrize("scenario", scenarios.names())

NUMBER = re.compile(r"\d+(?:\.\d+)?")
ANSI = re.compile(r"\x1b\[[0-9;]*m")
HOSTILE = "\x1b[31mred\x1b]0;title\x07 [bold]x[/bold] a|b <b>`c` \u202eevil\nnext"


def rendered(name, comparison=ONE_TRIAL, page=None):
    return reports.load(name).render(comparison, page or Page())


def table(comparison, width=None, saved=None):
    return rendered("table", comparison, Page(width, saved=saved))


def row(text, approach):
    """The cells of the first line that begins with `approach`."""
    return next(line.split() for line in text.splitlines() if line.split()[:1] == [approach])


def test_the_formats_that_were_promised_are_there():
    assert {"table", "json", "csv", "markdown"} <= set(reports.names())
    assert reports.DEFAULT in reports.names()


def test_a_new_format_is_one_file(tmp_path, monkeypatch):
    (tmp_path / "shout.py").write_text("def render(comparison, page):\n    return comparison.id.upper()\n")
    monkeypatch.setattr(reports, "__path__", [*reports.__path__, str(tmp_path)])
    assert "shout" in reports.names()
    assert rendered("shout") == ONE_TRIAL.id.upper()


def test_naming_formats_and_choosing_a_display_loads_no_drawing():
    code = "import sys, labkit.reports as r, labkit.output.progress; r.names(); sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", reports.names())
@pytest.mark.parametrize("comparison", ALL)
def test_every_format_shows_every_figure_of_the_document(name, comparison):
    text = rendered(name, comparison)
    numbers = set(NUMBER.findall(text))
    for trial in document(comparison)["trials"]:
        assert trial["approach"] in text
        if comparison.plan.trials[-1].repeat > 1 and name in {"table", "markdown"}:
            continue  # they show medians, below
        for field in ("makespan_s", "ideal_s", "efficiency", "cpu_s", "max_in_flight", "threads_peak", "failed"):
            value = trial[field]
            # A trial that did not end has a makespan for programs alone.
            if value is not None and not (field in {"makespan_s", "efficiency"} and trial["outcome"] != "ok"):
                assert numbers & {str(value), f"{value:.3f}", f"{value:.2f}"}, field


@pytest.mark.parametrize("name", ["table", "markdown"])
def test_repeats_show_the_median_with_its_interval(name):
    text = rendered(name, FIVE_RUNS)
    for summary in document(FIVE_RUNS)["summary"]:
        makespan = summary["makespan_s"]
        low, high = makespan["ci95"]
        assert f"{makespan['median']:.3f} [{low:.3f}, {high:.3f}]" in text


@pytest.mark.parametrize("name", reports.names())
@pytest.mark.parametrize("comparison", ALL)
def test_a_report_ends_with_its_last_line(name, comparison):
    text = rendered(name, comparison)
    assert text
    assert not text.endswith("\n")


# The table on every page.


@pytest.mark.parametrize("comparison", [*ALL, COPING])
@pytest.mark.parametrize("width", [34, 40, 60, 72, 79, 80, 100, 120, 200])
def test_no_line_is_wider_than_the_page_and_no_figure_is_lost_or_cut(comparison, width):
    text = table(comparison, width)
    assert max(map(cell_len, text.splitlines())) <= width
    whole, shown = (Counter(NUMBER.findall(page)) for page in (table(comparison), text))
    assert whole == shown


@pytest.mark.parametrize(("comparison", "width"), [(ONE_TRIAL, 80), (FIVE_RUNS, 150)])
def test_where_the_table_fits_it_stays_in_one_piece(comparison, width):
    lines = table(comparison, width).splitlines()
    assert len([line for line in lines if line.startswith("asyncio_semaphore ")]) == 1


def test_the_columns_are_in_the_order_that_was_promised():
    header = rendered("markdown", TROUBLED).splitlines()[2]
    assert [cell.strip() for cell in header.strip("|").split("|")] == [
        "approach",
        "makespan (s)",
        "ideal (s)",
        "efficiency",
        "speed-up over sync",
        "most in flight",
        "threads",
        "processes",
        "CPU (s)",
        "peak memory (MB)",
        "failed",
        "verdict",
    ]


def test_a_name_wider_than_the_page_wraps_and_leaves_the_figures_whole():
    name = "an_approach_with_a_name_that_is_wider_than_the_page"
    comparison = samples.comparison(samples.plan([name]))
    text = table(comparison, 40)
    assert max(map(cell_len, text.splitlines())) <= 40
    assert Counter(NUMBER.findall(text)) == Counter(NUMBER.findall(table(comparison)))
    columns = re.findall(r"^an_app\S*(?: .*)?(?:\n\w+$)*", text, re.MULTILINE)
    assert any("".join(line.split()[0] for line in part.splitlines()) == name for part in columns)


@pytest.mark.parametrize("width", [40, 80, None])
def test_the_place_of_the_result_stays_in_one_piece(width):
    saved = "results/a-rather-long-name-of-a-folder/result.json"
    assert table(ONE_TRIAL, width, saved).splitlines()[-1].endswith(saved)


def test_small_times_keep_their_figures():
    quick = samples.comparison(samples.plan(["sync"], delays_s=[0.005], requests=[3]))
    assert f"{quick.trials[0].trial.makespan_s:.3f}" in row(table(quick), "sync")


def test_each_grid_point_has_its_own_heading():
    text = table(samples.comparison(samples.plan(["sync"], requests=[1, 9], worker_classes=["gthread"])))
    assert "1 request · 3 gthread workers × 1 thread · 1 s delay · limit 1" in text.splitlines()
    assert "9 requests · 3 gthread workers × 1 thread · 1 s delay · limit 3" in text.splitlines()


def test_the_approaches_keep_the_order_asked_for():
    names = ["threads", "asyncio_gather", "sync"]
    lines = table(samples.comparison(samples.plan(names, seed=5))).splitlines()
    assert [line.split()[0] for line in lines if line.split()[:1] and line.split()[0] in names] == names


@each_scenario
@pytest.mark.parametrize("width", [80, 200, None])
def test_a_scenario_says_once_what_happens_and_what_to_look_at(scenario, width):
    text = " ".join(table(samples.comparison(samples.of_scenario(scenario)), width).split())
    told = scenarios.load(scenario)
    assert text.count(told.question) == text.lower().count(told.summary.lower()) == (scenario != scenarios.DEFAULT)


@each_scenario
@pytest.mark.parametrize("name", reports.names())
def test_every_format_shows_every_scenario(scenario, name):
    comparison = samples.comparison(samples.of_scenario(scenario), samples.coping_trial)
    text = rendered(name, comparison).replace("\\", "")
    for_people = name in {"table", "markdown"}
    assert scenario in text or (for_people and scenario == scenarios.DEFAULT)
    shown = ("failed",) if for_people and scenario not in FAULTY else ("failed", "attempts", "refused")
    for trial in document(comparison)["trials"]:
        assert {str(trial[field]) for field in shown} <= set(NUMBER.findall(text))


FAULTY = {"timeouts", "flaky", "rate-limit", "crash", "restart"}
COPING_HEADERS = {"answered", "attempts", "refused", "longest quiet (s)"}


@each_scenario
def test_where_the_server_has_faults_what_was_lost_stands_in_the_table(scenario):
    header = set(rendered("markdown", samples.comparison(samples.of_scenario(scenario))).replace("| ", "|").split("|"))
    shown = {cell.strip() for cell in header} & COPING_HEADERS
    assert shown == (COPING_HEADERS if scenario in FAULTY else set())


def test_answers_attempts_and_refusals_are_those_of_the_rows():
    (summary, _), line = document(COPING)["summary"], row(table(COPING), "sync")
    assert (summary["ok"], summary["failed"], summary["attempts"], summary["refused"]) == (28, 2, 34, 4)
    assert line[4:8] == ["28", "2", "34", "4"]
    assert "flaky, sync: 2 of 30 requests failed: 1 × no answer when the trial ended and 1 × status 503." in table(
        COPING
    )


def test_what_was_never_sent_has_failed_too():
    stopped = samples.comparison(samples.of_scenario("flaky", ["sync"]), samples.crashed_trial)
    assert "flaky, sync: 15 of 30 requests failed: never sent." in table(stopped)


def test_at_eighty_columns_those_that_cope_stay_in_one_piece():
    names = ["thread_pool_robust", "asyncio_robust", "asyncio_adaptive"]
    text = table(samples.comparison(samples.of_scenario("rate-limit", names)), 80)
    assert max(map(cell_len, text.splitlines())) <= 80
    assert len([line for line in text.splitlines() if line.startswith("thread_pool_robust ")]) == 1


def test_what_handling_took_is_compared_with_sync():
    comparison = samples.comparison(samples.of_scenario("cpu", ["sync", "threads", "asyncio_gather"]))
    by_name = {each["approach"]: each["handling_s"] for each in document(comparison)["summary"]}
    for name in ("threads", "asyncio_gather"):
        assert f"cpu, {name}: {compare_handling(by_name[name], by_name['sync'])}." in table(comparison)
    assert "as fast as" not in next(line for line in table(comparison).splitlines() if line.startswith("cpu, sync:"))


@pytest.mark.parametrize(
    ("own_s", "of_sync_s", "said"),
    [
        (None, 0.4, ""),
        (0.4, None, "handling the bodies took 0.40 s"),
        (0.41, 0.4, "handling the bodies took 0.41 s, and sync's 0.40 s: nothing was gained there"),
        (0.2, 0.4, "handling the bodies took 0.20 s, 2.0 × as fast as sync's 0.40 s"),
        (0.6, 0.4, "handling the bodies took 0.60 s, 1.5 × as long as sync's 0.40 s"),
    ],
)
def test_what_was_gained_in_handling_follows_from_the_two_times(own_s, of_sync_s, said):
    assert compare_handling(own_s, of_sync_s) == said


@pytest.mark.parametrize(
    ("python", "gil", "said"),
    [(None, True, ""), (None, False, "Python 3.14.0, gil: off"), ("python3.14", True, "gil: on")],
)
def test_the_heading_tells_which_python_ran_where_that_is_something_to_know(python, gil, said):
    plan = samples.plan(["sync"], pythons=[python])
    heading = table(samples.comparison(plan, lambda planned: samples.good_trial(planned, gil=gil))).splitlines()[0]
    assert said in heading
    assert ("gil" in heading) == bool(said)
    assert python is None or python in heading


def test_what_was_not_measured_is_a_dash():
    text = table(TROUBLED)
    assert row(text, "thread_pool")[1:5] == ["–", "3.00", "–", "–"]
    assert row(text, "interpreter_pool")[1:11] == ["–"] * 10
    assert row(text, "threads")[4] == "–"  # not ranked: not compared with sync either


# Paper and terminals.


class Terminal(StringIO):
    def isatty(self):
        return True

    def fileno(self):
        raise OSError


@pytest.mark.parametrize("name", reports.names())
@pytest.mark.parametrize("comparison", ALL)
def test_without_a_terminal_there_is_plain_text_and_nothing_is_wrapped(name, comparison):
    paper = page(StringIO(), environ={"TERM": "xterm-256color"})
    text = rendered(name, comparison, paper)
    assert "\x1b" not in text
    long = "word " * 60
    notice = replace(comparison, notices=(Notice("long", long.strip()),))
    if name in {"table", "markdown"}:
        assert long.strip() in rendered(name, notice, paper)


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1", "TERM": "xterm"}, {"TERM": "dumb"}])
def test_a_terminal_that_wants_no_colour_gets_none(environ):
    paper = page(Terminal(), environ=environ)
    assert paper.width == 80
    assert "\x1b" not in rendered("table", TROUBLED_TWICE, paper)


def test_colour_carries_no_meaning_of_its_own():
    paper = page(Terminal(), environ={"TERM": "xterm", "WT_SESSION": "1"})
    text = rendered("table", TROUBLED_TWICE, paper)
    assert "\x1b[" in text
    plain = [line.rstrip() for line in ANSI.sub("", text).splitlines()]
    assert plain == rendered("table", TROUBLED_TWICE, replace(paper, colour=False)).splitlines()


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_the_page_is_as_wide_as_the_terminal():
    fcntl, termios = pytest.importorskip("fcntl"), pytest.importorskip("termios")
    main, other = os.openpty()
    with os.fdopen(main, "w"), os.fdopen(other, "w") as terminal:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, (30).to_bytes(2, sys.byteorder) + (57).to_bytes(2, sys.byteorder)
                    + bytes(4))  # fmt: skip
        assert page(terminal, "kept/here", {"TERM": "xterm"}).width == 57


# What is said beside the figures.


@pytest.mark.parametrize("name", ["table", "markdown"])
def test_one_run_names_no_winner(name):
    text = rendered(name, ONE_TRIAL)
    assert not any(word in text for word in ("verdict", "one trial", "fastest", "winner"))


def spread(**slower):
    """Five trials of each approach, each that much slower than the best that can be."""
    return samples.comparison(
        samples.plan(slower, repeat=5),
        lambda planned: samples.good_trial(planned, slower=slower[planned.approach] + planned.repeat / 10),
    )


@pytest.mark.parametrize("name", ["table", "markdown"])
def test_repeats_name_the_fastest_where_the_intervals_do(name):
    text = rendered(name, spread(threads=1, asyncio_gather=20, sync=1))
    assert "threads is the fastest" in text
    assert "No clear winner" not in text


@pytest.mark.parametrize("name", ["table", "markdown"])
def test_repeats_name_nobody_where_the_intervals_overlap(name):
    text = rendered(name, spread(threads=1, asyncio_gather=1.01, sync=1))
    assert "No clear winner between threads and asyncio_gather" in text
    assert "is the fastest" not in text


def test_an_approach_of_which_runs_are_missing_says_so():
    comparison = spread(threads=1, sync=1)
    lost = next(checked for checked in comparison.trials if checked.trial.planned.approach == "threads")
    bad = replace(lost, checks=(Check("limit", ok=False, detail="at most 9 in flight, 3 allowed"),))
    text = table(replace(comparison, trials=tuple(bad if each is lost else each for each in comparison.trials)))
    assert "fastest (4 of 5 trials)" in text
    assert f"threads, trial {lost.trial.planned.order}: limit: at most 9 in flight, 3 allowed" in text


def test_when_nothing_can_be_ranked_no_sentence_names_a_fastest():
    comparison = samples.comparison(samples.plan(repeat=2), samples.crashed_trial)
    assert "None of them can be ranked." in table(comparison)


@pytest.mark.parametrize("name", ["table", "markdown"])
def test_trouble_is_told_below_the_figures(name):
    text = rendered(name, TROUBLED).replace("\\", "")
    orders = {each.trial.planned.approach: each.trial.planned.order for each in TROUBLED.trials}
    assert f"threads, trial {orders['threads']}: server_log: not in the server's log: 3" in text
    assert f"thread_pool, trial {orders['thread_pool']}: crashed: the client was killed by SIGKILL" in text
    assert f"asyncio_semaphore, trial {orders['asyncio_semaphore']}: timeout: no end after" in text
    assert f"process_pool, trial {orders['process_pool']}: failed: 1 of 9 requests failed; request 2: status" in text
    assert "fetching 5" in text
    assert "interpreter_pool needs Python 3.14. `python lab.py approaches`" in text
    assert "left out: sync workers with 2 threads" in text
    assert "Or pass --runtime local." in text
    verdicts = ("not ranked: server_log", "crashed", "timeout", "failed", "needs Python 3.14")
    assert all(verdict in text for verdict in verdicts)


@pytest.mark.parametrize("name", ["table", "markdown"])
def test_of_many_last_lines_the_last_are_shown(name):
    comparison = samples.troubled_comparison(worker_classes=["sync"], worker_threads=[1])
    text = rendered(name, comparison)
    assert text.count("still waiting") == MOST_LINES
    assert "still waiting, round 39" in text


# What others wrote.


def hostile_comparison():
    name = "a|b [red]c[/red] `_d_`"
    crashed = {"error": HOSTILE, "last_lines": (HOSTILE, "```", "end of fence", "x" * 5000)}
    comparison = samples.comparison(
        samples.plan([name, "sync"], repeat=2),
        lambda planned: samples.crashed_trial(planned, **crashed) if planned.approach == name
        else samples.good_trial(planned, slower=planned.repeat),
    )  # fmt: skip
    odd = CheckedTrial(comparison.trials[0].trial, (Check("server_log", ok=False, detail=HOSTILE),))
    return replace(
        comparison,
        trials=(odd, *comparison.trials[1:]),
        unavailable={"trio": HOSTILE},
        notices=(Notice("odd", HOSTILE, HOSTILE),),
    )


@pytest.mark.parametrize("name", reports.names())
@pytest.mark.parametrize("width", [40, 120, None])
def test_what_others_wrote_cannot_steer_a_terminal(name, width):
    text = rendered(name, hostile_comparison(), Page(width))
    assert not [char for char in text.replace("\n", "") if not char.isprintable()]
    assert "[/bold]" in text.replace("\n", "").replace("\\", "").replace(" ", "")


@given(st.text(st.characters()))
def test_visible_text_is_one_line_that_a_terminal_only_shows(text):
    assert all(char.isprintable() for char in sanitize(text))
    if text.isprintable():
        assert sanitize(text) == text


def test_what_others_wrote_cannot_leave_its_cell_or_fence_in_markdown():
    lines = rendered("markdown", hostile_comparison()).splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in rows}) == 1
    assert r"a\|b \[red\]c\[/red\] \`\_d\_\`" in rows[2]
    opening = next(number for number, line in enumerate(lines) if line.strip().startswith("````"))
    closing = lines.index("  ````", opening + 1)
    assert {"  ```", "  end of fence"} <= set(lines[opening:closing])


def test_an_endless_line_is_cut():
    assert "x" * 500 not in rendered("table", hostile_comparison())


# For programs.


def test_json_is_the_document_and_nothing_else():
    assert json.loads(rendered("json", TROUBLED)) == json.loads(json.dumps(document(TROUBLED)))
    assert rendered("json", TROUBLED, Page(40, colour=True, saved="x")) == rendered("json", TROUBLED)


@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
def test_json_refuses_what_json_has_no_word_for(odd):
    trial = samples.good_trial(cold_start_s=odd)
    comparison = samples.comparison(samples.plan(["threads"]), lambda _: trial)
    with pytest.raises(ValueError, match="JSON"):
        rendered("json", comparison)


# In one cell, as a JSON object; and what follows from the scenario and the seed.
WHOLE_OBJECTS, FOLLOWS = {"failed_by_cause"}, {"behaviour"}


def flat(tree, prefix=""):
    for key, value in tree.items():
        if key in WHOLE_OBJECTS:
            yield f"{prefix}{key}"
        elif key in FOLLOWS:
            continue
        elif isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        elif not isinstance(value, list | tuple):
            yield f"{prefix}{key}"


def test_csv_has_a_column_for_every_field_of_a_trial():
    assert sorted([*TRIAL_COLUMNS, "trace", "causes"]) == sorted(flat(document(ONE_TRIAL)["trials"][0]))
    assert set(COMPARISON_COLUMNS) <= set(flat(document(ONE_TRIAL)))


@pytest.mark.parametrize("comparison", [*ALL, COPING])
def test_csv_holds_the_raw_figures_of_every_trial(comparison):
    rows = list(csv.DictReader(StringIO(rendered("csv", comparison))))
    assert tuple(rows[0]) == COLUMNS
    trials = document(comparison)["trials"]
    assert len(rows) == len(trials)
    for cells, trial in zip(rows, trials, strict=True):
        for column in TRIAL_COLUMNS:
            value = trial
            for key in column.split("."):
                value = None if value is None else value[key]
            if isinstance(value, dict):
                assert json.loads(cells[column]) == value
            else:
                assert cells[column] == ("" if value is None else str(value))
        failed = [check["name"] for check in trial["checks"] if check["ok"] is False]
        assert cells[CHECKS_COLUMN].split() == failed


def test_csv_keeps_a_row_on_one_line_and_text_as_it_was():
    error = '=1+1, "quoted"\nnext'
    comparison = samples.comparison(
        samples.plan(["threads"]), lambda planned: samples.crashed_trial(planned, error=error)
    )
    text = rendered("csv", comparison)
    assert len(text.splitlines()) == 2
    assert next(csv.DictReader(StringIO(text)))["error"] == error.replace("\n", "\\n")
