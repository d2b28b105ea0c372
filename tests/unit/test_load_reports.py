"""Every report of a load shows what was measured, whatever it is written on and whatever others put into it."""

from __future__ import annotations

import csv
import json
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

from labkit import reports as comparison_reports
from labkit.load import reports
from labkit.load.reports.csv_ import CHECKS_COLUMN, COLUMNS, RUN_COLUMNS, TRIAL_COLUMNS
from labkit.model import Check
from labkit.model.load import Counts, Knee, Second, Verdict, requests_file
from labkit.output.page import Page
from labkit.reports.content.load import MOST_ERRORS
from labkit.reports.content.sparklines import BARS, Strip, drawn_strip, strips
from labkit.results.load_document import document
from tests import load_samples, samples
from tests.samples import document as comparison_document

CLOSED = load_samples.load_run(load_samples.closed_trial())
OPEN = load_samples.load_run()
OVERLOADED = load_samples.load_run(load_samples.overloaded_trial())
SEARCH = load_samples.search()
CRASHED = load_samples.load_run(load_samples.crashed_trial())
INTERRUPTED = load_samples.interrupted()
NOTHING = replace(OPEN, trials=())
ALL = [CLOSED, OPEN, OVERLOADED, SEARCH, CRASHED, INTERRUPTED, NOTHING]
SINGLE = [CLOSED, OPEN, OVERLOADED, INTERRUPTED]

NUMBER = re.compile(r"\d+(?:\.\d+)?")
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def rendered(name, run=OPEN, page=None):
    return reports.load(name).render(run, page or Page())


def table(run, width=None, saved=None):
    return rendered("table", run, Page(width, saved=saved))


def in_words(text):
    """`text` without what lays it out."""
    return " ".join(text.replace("\\", "").split())


def test_a_load_has_the_formats_of_a_comparison():
    assert reports.names() == comparison_reports.names()


def test_a_new_format_is_one_file(tmp_path, monkeypatch):
    (tmp_path / "shout.py").write_text("def render(run, page):\n    return run.id.upper()\n")
    monkeypatch.setattr(reports, "__path__", [*reports.__path__, str(tmp_path)])
    assert "shout" in reports.names()
    assert rendered("shout") == OPEN.id.upper()


def test_naming_formats_and_choosing_a_display_loads_no_drawing():
    code = "import sys, labkit.load.reports as r, labkit.load.display; r.names(); sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Every format.


@pytest.mark.parametrize("name", reports.names())
@pytest.mark.parametrize("run", SINGLE)
def test_every_format_shows_the_figures_of_a_load(name, run):
    numbers = set(NUMBER.findall(rendered(name, run)))
    trial = document(run)["trials"][0]
    fields = ("arrivals", "begun", "ok", "failed", "unfinished", "not_begun", "late", "throughput_per_s", "cpu_s")
    values = [trial[field] for field in (*fields, "capacity_per_s", "max_in_flight", "server_max_in_flight")]
    values += [value for field in ("latency_s", "response_s") for value in (trial[field] or {}).values()]
    for value in values:
        if value is not None:
            assert numbers & {str(value), f"{value:.2f}", f"{value:.3f}"}, value


@pytest.mark.parametrize("name", reports.names())
def test_every_format_shows_each_step_of_a_search(name):
    numbers = Counter(NUMBER.findall(rendered(name, SEARCH)))
    for trial in document(SEARCH)["trials"]:
        for value in (trial["load"]["rate"], trial["arrivals"], trial["ok"], trial["late"], trial["response_s"]["p99"]):
            assert numbers & Counter((str(value), f"{value:g}", f"{value:.3f}")), value


@pytest.mark.parametrize("name", reports.names())
@pytest.mark.parametrize("run", [*ALL, load_samples.hostile()])
def test_a_report_ends_with_its_last_line(name, run):
    text = rendered(name, run)
    assert text
    assert not text.endswith("\n")


@pytest.mark.parametrize("name", reports.names())
@pytest.mark.parametrize("width", [40, 120, None])
def test_what_others_wrote_cannot_steer_a_terminal(name, width):
    text = rendered(name, load_samples.hostile(), Page(width))
    assert not [char for char in text.replace("\n", "") if not char.isprintable()]
    assert "[/bold]" in text.replace("\n", "").replace("\\", "").replace(" ", "") or name == "csv"


# The table on every page.


def without_strips(text):
    """`text` without what a narrow page has no room for."""
    return "\n".join(line for line in text.splitlines() if not line.startswith(("answered ", "p99  ")))


@pytest.mark.parametrize("run", ALL)
@pytest.mark.parametrize("width", [34, 40, 60, 79, 80, 100, 200])
def test_no_line_is_wider_than_the_page_and_no_figure_is_lost_or_cut(run, width):
    text = table(run, width)
    assert max(map(cell_len, text.splitlines())) <= width
    whole, shown = (Counter(NUMBER.findall(without_strips(page))) for page in (table(run), text))
    assert shown >= whole
    # Of a search's table that is taken apart, each part begins with the rates.
    assert shown - whole <= Counter(
        {f"{trial.plan.shape.rate:g}": 9 for trial in SEARCH.trials} if run is SEARCH else {}
    )


@pytest.mark.parametrize("run", ALL)
def test_on_a_projector_the_table_stays_in_one_piece(run):
    assert table(run, 80).count("──\n") <= 1


def test_two_columns_where_there_is_room_for_them():
    wide, narrow = table(OPEN, 80).splitlines(), table(OPEN, 40).splitlines()
    assert [line for line in wide if line.startswith("arrivals ") and "throughput" in line]
    assert not [line for line in narrow if line.startswith("arrivals ") and "throughput" in line]


@pytest.mark.parametrize("width", [40, 80, None])
def test_the_place_of_the_result_stays_in_one_piece(width):
    saved = "results/a-rather-long-name-of-a-folder/result.json"
    assert table(OPEN, width, saved).splitlines()[-1].endswith(saved)


@pytest.mark.parametrize("run", ALL)
def test_colour_carries_no_meaning_of_its_own(run):
    coloured = rendered("table", run, Page(80, colour=True))
    plain = [line.rstrip() for line in ANSI.sub("", coloured).splitlines()]
    assert plain == table(run, 80).splitlines()
    assert "\x1b[" in coloured or run is NOTHING


# What it means.


@pytest.mark.parametrize("name", ["table", "markdown"])
def test_the_headline_says_what_was_run(name):
    closed, opened = rendered(name, CLOSED), rendered(name, OPEN)
    assert "closed load · 500 users · 100 started each second · 60 s · 2 processes · timeout 30 s" in closed
    assert "2 gevent workers · 0.1 s delay · no bound of its own" in closed
    assert "open load · 2 arrivals a second · poisson, seed 1 · at most 1000 in flight · 30 s" in opened
    assert "3 sync workers · 1 s delay · capacity 3 a second" in opened


def test_a_load_may_end_with_its_time_or_its_requests():
    by_requests = load_samples.open_plan(duration_s=None, requests=200)
    both = load_samples.open_plan(requests=1)
    texts = [table(load_samples.load_run(load_samples.open_trial(plan=plan))) for plan in (by_requests, both)]
    assert "in flight · 200 requests · timeout" in texts[0]
    assert "in flight · 30 s or 1 request · timeout" in texts[1]


@pytest.mark.parametrize("name", ["table", "markdown"])
def test_an_open_load_shows_both_latencies_and_names_a_large_difference(name):
    text = in_words(rendered(name, OVERLOADED))
    assert "actual start" in text
    assert "what a user waits" in text
    assert "A user waits 18.905 s at the p99, 15.552 s more" in text
    assert "coordinated omission" in text


@pytest.mark.parametrize("name", ["table", "markdown"])
def test_a_small_difference_is_not_worth_a_sentence(name):
    text = rendered(name, OPEN)
    assert "what a user waits" in text
    assert "omission" not in text


@pytest.mark.parametrize("name", ["table", "markdown"])
def test_a_closed_load_has_one_latency_and_says_what_it_hides(name):
    text = rendered(name, CLOSED)
    assert "intended" not in text
    assert "each user waits for an answer before asking again" in text


@pytest.mark.parametrize("name", ["table", "markdown"])
def test_arrivals_without_an_answer_are_no_part_of_the_percentiles_and_that_is_said(name):
    told = "were never answered: how long they waited is in no percentile."
    assert f"46 of 150 arrivals {told}" in in_words(rendered(name, OVERLOADED))
    assert f"12 of 48213 arrivals {told}" in in_words(rendered(name, CLOSED)), "that failed is no answer either"
    assert told not in in_words(rendered(name, OPEN))
    assert told not in in_words(rendered(name, CRASHED)), "there is no percentile at all"


@pytest.mark.parametrize("name", ["table", "markdown"])
def test_how_exact_percentiles_are_is_said(name):
    sketched = load_samples.open_trial(percentiles="a sketch, within 1 %")
    assert "Percentiles of all answered requests: exact." in rendered(name)
    assert "answered requests: a sketch, within 1 %." in rendered(name, load_samples.load_run(sketched))


@pytest.mark.parametrize("name", ["table", "markdown"])
def test_a_load_of_which_nothing_is_known_says_why(name):
    text = in_words(rendered(name, CRASHED))
    assert "Nothing was answered: there is no latency." in text
    assert "trial 1: crashed: the generator was killed by SIGKILL" in text
    assert "checks that failed too: accounted" in text
    assert "Killed" in text
    assert "None" not in text


@pytest.mark.parametrize("name", ["table", "markdown"])
def test_thresholds_say_how_they_came_out(name):
    verdicts = (
        Verdict("p99 > 3", 3.3528, failed=True),
        Verdict("failed > 1%", 0.25, failed=False),
        Verdict("queue > 9", None, failed=False),
    )
    text = in_words(rendered(name, replace(OVERLOADED, verdicts=verdicts, stopped="p99 > 3")))
    assert "threshold failed: p99 > 3 (3.353 measured)" in text
    assert "threshold held: not failed > 1% (0.25 % measured)" in text
    assert "threshold held: not queue > 9 (nothing to measure)" in text
    assert "stopped early: p99 > 3" in text


@pytest.mark.parametrize("name", ["table", "markdown"])
def test_errors_are_counted_and_the_rarest_left_out(name):
    errors = tuple((f"kind {number}", 100 - number) for number in range(MOST_ERRORS + 3))
    text = rendered(name, load_samples.load_run(load_samples.closed_trial(errors=errors)))
    assert "100 × kind 0" in text
    assert f"kind {MOST_ERRORS - 1}" in text
    assert f"kind {MOST_ERRORS}" not in text
    assert "and 3 other kinds" in text


@pytest.mark.parametrize("name", ["table", "markdown"])
def test_a_failed_check_is_told_with_its_detail(name):
    trial = load_samples.open_trial(checks=(Check("server_log", ok=False, detail="not in the server's log: 7"),))
    assert "trial 1: server_log: not in the server's log: 7" in rendered(name, load_samples.load_run(trial))


# The search for the limit.


@pytest.mark.parametrize("name", ["table", "markdown"])
@pytest.mark.parametrize(
    ("knee", "told"),
    [
        (
            Knee(2.5, 3.5, "p99 past 3 s", 3.0),
            (
                "The last good rate is 2.5 a second, and the workers can answer 3 a second at most. "
                "At 3.5 a second: p99 past 3 s."
            ),
        ),
        (
            Knee(None, 1.0, "errors", 3.0),
            ("Not even the first rate was good, and the workers can answer 3 a second at most. At 1 a second: errors."),
        ),
        (
            Knee(None, None, "inconclusive at 1 a second: others were at work", 3.0),
            (
                "No rate was found that is good; the workers can answer 3 a second at most. "
                "The search ended there: inconclusive at 1 a second: others were at work."
            ),
        ),
        (
            Knee(3.5, None, "no limit found in 4 steps", None),
            (
                "The last good rate is 3.5 a second, and the workers set no bound of their own. "
                "The search ended there: no limit found in 4 steps."
            ),
        ),
    ],
)
def test_a_search_names_the_last_good_rate_beside_what_the_workers_can_do(name, knee, told):
    assert told in in_words(rendered(name, replace(SEARCH, knee=knee)))


def test_each_step_has_its_verdict():
    spoilt = replace(SEARCH.trials[0], checks=(Check("server_log", ok=False, detail="odd"),))
    text = table(replace(SEARCH, trials=(spoilt, *SEARCH.trials[1:])))
    steps = [line.strip().split("  ") for line in text.splitlines() if re.match(r" +[\d.]+  +\d", line)]
    assert [cells[-1] for cells in steps] == ["server_log", "sound", "last good", "too much"]


@pytest.mark.parametrize("knee", [None, SEARCH.knee])
def test_a_search_that_found_nothing_yet_shows_its_steps(knee):
    text = rendered("markdown", replace(SEARCH, trials=SEARCH.trials[: 2 if knee is None else 1], knee=knee))
    assert "| arrivals a second |" in text


# Strips.


def test_a_strip_follows_its_values():
    assert drawn_strip(Strip("", (0.0, 1.0, 2.0, 4.0, 7.0, None), "", max), 10) == "▁▂▃▅█ "
    assert drawn_strip(Strip("", (1.0, 5.0, 5.0, 7.0), "", max), 2) == "▆█"
    assert drawn_strip(Strip("", (0.0, 0.0, 7.0, 7.0), "", min), 2) == "▁█"


@given(st.lists(st.none() | st.floats(0, 1e9), min_size=1), st.integers(1, 50))
def test_a_strip_is_as_long_as_its_values_or_its_room(values, room):
    drawn = drawn_strip(Strip("", tuple(values), "", max), room)
    assert len(drawn) == min(len(values), room)
    assert set(drawn) <= {*BARS, " "}
    assert (BARS[-1] in drawn) == any(values)


def test_a_load_without_a_course_has_no_strip():
    second = Second(0, 3, 3, 0, 0, 0, 1.0, 1.0)
    unanswered = replace(second, ok=0, p50_s=None, p99_s=None)
    assert strips([second]) == strips([unanswered] * 5) == strips([]) == ()
    assert len(strips([second, second])) == 2


# For programs.


def test_json_is_the_document_and_nothing_else():
    assert json.loads(rendered("json", SEARCH)) == json.loads(json.dumps(document(SEARCH)))
    assert rendered("json", SEARCH, Page(40, colour=True, saved="x")) == rendered("json", SEARCH)


@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
def test_json_refuses_what_json_has_no_word_for(odd):
    with pytest.raises(ValueError, match="JSON"):
        rendered("json", load_samples.load_run(load_samples.open_trial(cpu_s=odd)))


@pytest.mark.parametrize("run", ALL)
def test_the_document_has_the_fields_of_a_comparison_and_its_own(run):
    of_load, of_comparison = document(run), comparison_document(samples.comparison())
    # A load compares no approaches, and what was to be run is in its only trial.
    left_out = {"agreement", "plan", "rerun_of", "unavailable"}
    assert set(of_load) == set(of_comparison) - left_out | {"thresholds", "stopped", "knee"}
    assert (of_load["schema"], of_load["mode"]) == (of_comparison["schema"], "load")
    # Of a load nothing but its own processes is sampled, and its server answers with no bodies to compare.
    left_out = {"server_cpu_s", "machine_cpu_s", "cpus", "unmatched", "answers", "samples", "causes", "gil"}
    # It has no scenario, asks for no interpreter, tries nothing again and handles no bodies.
    coping = {"failed_by_cause", "attempts", "wasted_attempts", "refused", "longest_quiet_s", "handling_s"}
    left_out |= coping | {"interpreter"}
    for trial, row in zip(of_load["trials"], of_load["summary"], strict=True):
        assert set(of_comparison["trials"][0]) - left_out <= set(trial)
        assert set(of_comparison["trials"][0]["load"]) <= set(trial["load"])
        assert set(row) == set(of_comparison["summary"][0]) - coping - {"interpreter", "ok"}


@pytest.mark.parametrize("run", ALL)
def test_nothing_of_a_load_is_traced_and_its_bodies_cost_nothing(run):
    for trial in document(run)["trials"]:
        assert (trial["traced"], trial["trace"], trial["load"]["handle_s"]) == (False, None, 0.0)


def test_what_was_not_measured_is_null():
    trial = document(CRASHED)["trials"][0]
    fields = ("makespan_s", "latency_s", "response_s", "throughput_per_s", "cpu_s", "max_in_flight", "ideal_s")
    assert {trial[field] for field in fields} == {None}
    assert document(CLOSED)["trials"][0]["late"] is None


def test_closed_and_open_loads_tell_what_they_were():
    closed, opened = (document(run)["trials"][0]["load"] for run in (CLOSED, OPEN))
    assert (closed["mode"], closed["users"], closed["spawn_rate"], closed["rate"]) == ("closed", 500, 100.0, None)
    assert (opened["mode"], opened["rate"], opened["arrivals"], opened["spawn_rate"]) == ("open", 2.0, "poisson", None)
    assert opened["limit"] == opened["users"] == 1000


def test_requests_are_in_a_file_of_their_own():
    trials = document(SEARCH)["trials"]
    assert [trial["requests"] for trial in trials] == [None] * 4
    assert [trial["requests_file"] for trial in trials] == [f"requests-{number}.csv" for number in (1, 2, 3, 4)]
    assert requests_file(SEARCH.trials[2].plan) == "requests-3.csv"


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "sound"),
        ({"outcome": "timeout"}, "timeout"),
        ({"outcome": "failed", "error": "2 of 60 requests failed", "counts": Counts(60, 60, 58, 2)}, "failed"),
        ({"checks": (Check("accounted", ok=False, detail=""), Check("server_log", ok=False, detail=""))}, "accounted"),
        ({"checks": (Check("accounted", ok=None, detail=""),)}, "sound"),
    ],
)
def test_the_verdict_is_the_outcome_or_a_failed_check(changes, verdict):
    row = document(load_samples.load_run(load_samples.open_trial(**changes)))["summary"][0]
    assert (row["verdict"], row["ranked"]) == (verdict, int(verdict == "sound"))


def test_thresholds_and_the_limit_are_in_the_document():
    assert document(INTERRUPTED)["thresholds"][0] == {"text": "p99 > 3", "value": 3.3528, "failed": True}
    assert document(INTERRUPTED)["stopped"] == "p99 > 3"
    assert document(SEARCH)["knee"]["last_good"] == 2.5
    assert document(OPEN)["knee"] is None


def flat(tree, prefix=""):
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        elif not isinstance(value, list | tuple):
            yield f"{prefix}{key}"


def test_csv_has_a_column_for_every_field_of_a_trial():
    assert sorted([*TRIAL_COLUMNS, "requests", "trace"]) == sorted(flat(document(OPEN)["trials"][0]))
    assert set(RUN_COLUMNS) <= set(flat(document(OPEN)))


@pytest.mark.parametrize("run", ALL)
def test_csv_holds_the_raw_figures_of_every_load(run):
    text = rendered("csv", run)
    rows, trials = list(csv.DictReader(StringIO(text))), document(run)["trials"]
    assert tuple(next(csv.reader(StringIO(text)))) == COLUMNS
    assert len(rows) == len(trials)
    for cells, trial in zip(rows, trials, strict=True):
        for column in TRIAL_COLUMNS:
            value = trial
            for key in column.split("."):
                value = None if value is None else value[key]
            assert cells[column] == ("" if value is None else str(value))
        failed = [check["name"] for check in trial["checks"] if check["ok"] is False]
        assert cells[CHECKS_COLUMN].split() == failed


@given(st.builds(Counts, *[st.integers(0, 10**12)] * 6, late=st.none() | st.integers(0, 10**12)))
def test_counts_of_any_size_stay_whole(counts):
    run = load_samples.load_run(load_samples.open_trial(counts=counts))
    for width in (40, 80):
        lines = table(run, width).splitlines()
        assert max(map(cell_len, lines)) <= width
        assert str(counts.arrivals) in NUMBER.findall("\n".join(lines))
