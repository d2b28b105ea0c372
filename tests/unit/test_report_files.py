"""The file formats of `lab.py report`: each holds every measured row, also of trials that failed."""

from __future__ import annotations

import csv
import json
import math
import re
import sys
import time
from base64 import b64encode
from collections import Counter, defaultdict
from dataclasses import replace
from functools import cache
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit import scenarios
from labkit.analysis.analyse import analyse
from labkit.model import LaneRow, Span, Trace
from labkit.model.errors import MachineError
from labkit.reports import files
from labkit.reports.files.csv_ import COLUMNS, LATER_TRIAL_COLUMNS, REQUEST_COLUMNS, TRIAL_COLUMNS
from labkit.reports.timeline.lanes import client_rows, phases, worker_rows
from labkit.system import browser
from tests import samples
from tests.samples import document

HOSTILE = "\x1b[31m<script>alert(1)</script>\u202e漢"


def traced(planned):
    """A traced trial: two lanes, of which one has a derived span, and a gap."""
    lanes = (
        LaneRow("thread", 4100, 4101, HOSTILE, (Span("io", 0.0, 1.0), Span("gil", 1.0, 1.25, derived=True))),
        LaneRow("task", 4100, 1, "Task-1", (Span("ready", 0.1, 0.3), Span("running", 0.3, 0.4))),
    )
    return samples.good_trial(replace(planned, traced=True), trace=Trace(lanes, ((1.25, 1.5),), ()))


def with_trouble(planned):
    """Requests that failed, never ended, are missing from the server's log, or overlap in their lane."""
    good = samples.with_rows(samples.good_trial(planned), 2, status=500)
    good = samples.with_rows(good, 3, server=None, first_byte_s=None)
    good = samples.with_rows(good, 4, end_s=None, status=None, first_byte_s=None, error=HOSTILE)
    lost = samples.good_trial(planned).requests[4].server
    return replace(samples.with_rows(good, lane="MainThread"), outcome="failed", error=HOSTILE, unmatched=(lost,))


WHOLE = samples.comparison()
TROUBLED = samples.troubled_comparison(repeat=2, requests=[4])
TRACED = samples.comparison(samples.plan(["threads"]), traced)
ODD = samples.comparison(samples.plan(["threads", "sync"]), with_trouble)
NOTHING_SENT = samples.comparison(
    samples.plan(["sync"]),
    lambda planned: samples.crashed_trial(planned, requests=(), samples=(), cold_start_s=None),
)
COPING = samples.comparison(samples.of_scenario("rate-limit"), samples.coping_trial)
ALL = [WHOLE, TROUBLED, TRACED, ODD, NOTHING_SENT, COPING]
each_comparison = pytest.mark.parametrize(
    "comparison", ALL, ids=["whole", "troubled", "traced", "odd", "nothing sent", "coping"]
)


@cache
def trace_of(number):
    """The events of `ALL[number]`, which many tests read."""
    return json.loads(written("trace", ALL[number]))["traceEvents"]


def written(name, comparison):
    to = BytesIO()
    files.load(name).write(analyse(comparison), to)
    return to.getvalue()


# A picture needs a browser: see tests/browser.
WITHOUT_BROWSER = [name for name in files.names() if name != "png"]


def test_the_documented_formats_exist():
    assert {"csv", "html", "png", "trace"} <= set(files.names())


def test_a_new_format_is_one_file(tmp_path, monkeypatch):
    (tmp_path / "shout.py").write_text(
        "FILE = None\ndef write(analysis, to):\n    to.write(analysis.comparison.id.encode())\n"
    )
    monkeypatch.setattr(files, "__path__", [*files.__path__, str(tmp_path)])
    assert written("shout", WHOLE) == WHOLE.id.encode()


@each_comparison
@pytest.mark.parametrize("name", WITHOUT_BROWSER)
def test_every_format_writes_the_same_bytes_each_time(name, comparison):
    content = written(name, comparison)
    assert content
    assert content == written(name, comparison)


# Rows for data frames.


@each_comparison
def test_csv_has_every_request_with_the_values_of_the_document(comparison):
    cells = list(csv.DictReader(StringIO(written("csv", comparison).decode(), newline="")))
    trials = sorted(document(comparison)["trials"], key=lambda trial: trial["order"])
    pairs = [(trial, request) for trial in trials for request in trial["requests"]]
    assert len(cells) == len(pairs)
    for row, (trial, request) in zip(cells, pairs, strict=True):
        assert tuple(row) == COLUMNS
        trial_columns = (*TRIAL_COLUMNS, *LATER_TRIAL_COLUMNS)
        for prefix, columns, tree in (("", trial_columns, trial), ("request.", REQUEST_COLUMNS, request)):
            for column in columns:
                value = tree
                for key in column.split("."):
                    value = None if value is None else value[key]
                if value != HOSTILE:
                    assert row[prefix + column] == ("" if value is None else str(value))


def test_csv_has_a_column_for_every_field_of_a_request():
    request = document(WHOLE)["trials"][0]["requests"][0]
    fields = [key for key in request if key != "server"] + [f"server.{key}" for key in request["server"]]
    assert sorted(REQUEST_COLUMNS) == sorted(fields)


def test_csv_has_no_control_characters():
    text = written("csv", ODD).decode()
    assert "<script>" in text
    assert all(sign.isprintable() for sign in text.replace("\n", ""))


@pytest.mark.parametrize("scenario", scenarios.names())
@pytest.mark.parametrize("name", WITHOUT_BROWSER)
def test_every_format_writes_every_scenario_with_several_attempts_per_request(name, scenario):
    few = samples.of_scenario(scenario, ["threads"], requests=[9])
    assert written(name, samples.comparison(few, samples.coping_trial))


def test_csv_has_the_attempts_and_the_actions_of_the_server():
    rows = [row for row in csv.DictReader(StringIO(written("csv", COPING).decode())) if row["approach"] == "sync"]
    of_first = [row for row in rows if row["request.id"] == "1"]
    assert [row["request.attempt"] for row in of_first] == ["1", "2", "3"]
    assert [row["request.server.did"] for row in of_first] == ["refused", "banned", "answer"]


# The trace.


def events(comparison, phase=None):
    number = next(number for number, each in enumerate(ALL) if each is comparison)
    return [event for event in trace_of(number) if phase is None or event["ph"] == phase]


@each_comparison
def test_every_event_has_what_its_kind_needs(comparison):
    needed = {
        "M": {"args"},
        "X": {"ts", "dur", "cat"},
        "C": {"ts", "args"},
        "s": {"ts", "id", "cat"},
        "f": {"ts", "id", "cat", "bp"},
        "i": {"ts", "s"},
    }
    for event in events(comparison):
        assert needed[event["ph"]] | {"name", "pid", "tid"} <= event.keys()
        for key in ("ts", "dur"):
            value = event.get(key, 0)
            assert math.isfinite(value)
            assert value >= 0


@each_comparison
def test_every_request_and_every_row_of_the_server_is_in_the_trace(comparison):
    found = Counter(event["cat"] for event in events(comparison, "X"))
    trials = [checked.trial for checked in comparison.trials]
    assert found["request"] == sum(len(trial.requests) for trial in trials)
    assert found["served"] == sum(len(trial.unmatched) for trial in trials) + sum(
        row.server is not None for trial in trials for row in trial.requests
    )
    assert found["state"] == sum(len(lane.spans) for trial in trials if trial.trace for lane in trial.trace.lanes)


def nanoseconds(event):
    start = round(event["ts"] * 1000)
    return start, start + round(event["dur"] * 1000)


@each_comparison
def test_bars_of_a_track_nest_and_the_outer_one_comes_first(comparison):
    """Perfetto moves a bar that overlaps another without being nested."""
    tracks = defaultdict(list)
    for event in events(comparison, "X"):
        tracks[event["pid"], event["tid"]].append(nanoseconds(event))
    for spans in tracks.values():
        around = []
        for start, end in sorted(spans, key=lambda span: span[0]):  # stable, as in Perfetto
            while around and around[-1] <= start:
                around.pop()
            assert not around or end <= around[-1]
            around.append(end)


@each_comparison
def test_every_arrow_has_two_ends_that_lie_on_bars_of_one_request(comparison):
    bars = defaultdict(list)
    for event in events(comparison, "X"):
        bars[event["pid"], event["tid"]].append(event)
    ends = defaultdict(dict)
    for kind in ("s", "f"):
        for event in events(comparison, kind):
            assert kind not in ends[event["id"]]
            ends[event["id"]][kind] = event
    joined = [row for checked in comparison.trials for row in checked.trial.requests if row.server is not None]
    assert len(ends) == len(joined)
    for pair in ends.values():
        assert pair["s"]["ts"] <= pair["f"]["ts"]
        names = []
        for kind, category in (("s", "request"), ("f", "served")):
            moment = round(pair[kind]["ts"] * 1000)
            around = [
                bar["name"]
                for bar in bars[pair[kind]["pid"], pair[kind]["tid"]]
                if bar["cat"] == category and nanoseconds(bar)[0] <= moment <= nanoseconds(bar)[1]
            ]
            names.append(set(around))
        assert names[0] & names[1]


@each_comparison
def test_every_track_has_a_name_and_no_two_groups_the_same(comparison):
    named = {(event["pid"], event["tid"]) for event in events(comparison, "M") if event["name"] == "thread_name"}
    assert {(event["pid"], event["tid"]) for kind in "Xsfi" for event in events(comparison, kind)} <= named
    groups = [event["args"]["name"] for event in events(comparison, "M") if event["name"] == "process_name"]
    assert len(groups) == len(set(groups))


def test_all_start_signals_are_at_one_moment_and_counters_follow_the_samples():
    assert len({event["ts"] for event in events(WHOLE, "i")}) == 1
    found = Counter(event["name"] for event in events(WHOLE, "C"))
    count = sum(len(checked.trial.samples) for checked in WHOLE.trials)
    assert found == {"threads": count, "in flight": count, "memory (MB)": count}


def test_derived_states_are_marked_and_gaps_are_shown():
    states = [event for event in events(TRACED, "X") if event["cat"] == "state"]
    assert [event["args"]["derived"] for event in states].count(True) == 1
    assert {event["name"] for event in states} >= {"waiting for the GIL", "ready, waiting for the loop"}
    assert [event["name"] for event in events(TRACED, "X") if event["cat"] == "gap"] == ["not sampled"]


# The picture: a browser makes it, here a program that stands for one.

PNG = b"\x89PNG\r\n\x1a\n picture"


@pytest.fixture
def fake_browser(tmp_path, monkeypatch):
    """Puts a program called chromium on PATH, alone; its code gets the options of the browser in `sys.argv`."""
    if sys.platform == "win32":
        pytest.skip("a script needs a first line that names its program")

    def install(code):
        program = tmp_path / "chromium"
        program.write_text(f"#!{sys.executable}\nimport subprocess, sys, time\n{code}\n")
        program.chmod(0o755)

    monkeypatch.setenv("PATH", str(tmp_path))
    return install


def test_png_is_the_picture_that_the_page_shows_in_the_browser(fake_browser, tmp_path):
    log = tmp_path / "options"
    picture = b64encode(PNG).decode()
    fake_browser(
        f"open({str(log)!r}, 'w').write('\\n'.join(sys.argv))\n"
        f"print('<!DOCTYPE html>\\n<html><img src=\"data:image/png;base64,{picture}\"></html>')"
    )
    assert written("png", WHOLE) == PNG
    *options, address = log.read_text().splitlines()[1:]
    assert re.fullmatch(r"file://.*/report\.html#picture", address)
    (profile,) = (option.partition("=")[2] for option in options if option.startswith("--user-data-dir="))
    assert not Path(profile).exists()
    assert not Path(address.removeprefix("file://").partition("#")[0]).exists()


def test_a_page_without_a_picture_is_an_error(fake_browser):
    fake_browser("print('<html></html>')")
    with pytest.raises(MachineError, match="made no picture"):
        written("png", WHOLE)


def test_a_browser_that_fails_is_reported_with_its_last_lines(fake_browser):
    fake_browser("sys.exit('no usable sandbox')")
    with pytest.raises(MachineError, match="exit code 1") as error:
        browser.load("about:blank")
    assert error.value.lines == ("no usable sandbox",)


def test_a_browser_that_hangs_is_ended_with_its_processes(fake_browser, tmp_path):
    log = tmp_path / "child"
    fake_browser(
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(log)!r}, 'w').write(str(child.pid))\ntime.sleep(60)"
    )
    began = time.monotonic()
    with pytest.raises(MachineError, match="did not load the page within 2 s"):
        browser.load("about:blank", timeout_s=2.0)
    assert time.monotonic() - began < 20
    assert not running(int(log.read_text()))


def running(pid):
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"


def test_without_a_browser_the_programs_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MachineError) as error:
        written("png", WHOLE)
    assert all(name in error.value.message for name in browser.NAMES)
    assert "Save as PNG" in error.value.hint


# The lanes.


moments = st.none() | st.floats(-1, 12)


@given(moments, moments, moments, moments, st.none() | st.tuples(st.floats(-1, 12), st.floats(-1, 12)))
def test_phases_fill_a_request_even_if_the_clocks_disagree(connected_s, sent_s, first_byte_s, end_s, server):
    row = samples.good_trial().requests[0]
    logged = None if server is None else replace(row.server, start_s=min(server), end_s=max(server))
    end_s = None if end_s is None else max(end_s, 1.0)
    row = replace(
        row,
        start_s=1.0,
        connected_s=connected_s,
        sent_s=sent_s,
        first_byte_s=first_byte_s,
        end_s=end_s,
        server=logged,
    )
    found = phases(row, 11.0)
    edges = [(phase.start_s, phase.end_s) for phase in found]
    last_s = 11.0 if end_s is None else end_s
    assert all(start < end for start, end in edges)
    assert sum(end - start for start, end in edges) == pytest.approx(last_s - 1.0)
    assert [end for _, end in edges[:-1]] == [start for start, _ in edges[1:]]


def test_a_request_that_waits_for_a_worker_is_queued_at_the_server():
    last = samples.good_trial(samples.planned("threads")).requests[-1]
    (queued,) = [phase for phase in phases(last, 9.0) if phase.stage == "queued"]
    assert (queued.start_s, queued.end_s) == (last.sent_s, last.server.start_s)


def test_requests_that_overlap_in_a_lane_take_several_rows():
    trial = with_trouble(samples.planned("threads"))
    found = client_rows(trial, 9.0)
    titles = [f"MainThread (process 4100), {number}" for number in range(2, len(found) + 1)]
    assert [row.title for row in found] == ["MainThread (process 4100)", *titles]
    assert sum(len(row.bars) for row in found) == len(trial.requests)
    for row in found:
        ends = [9.0 if each.end_s is None else each.end_s for each in row.bars]
        assert all(end <= after.start_s for end, after in zip(ends, row.bars[1:], strict=False))


def test_a_worker_with_threads_takes_one_row_per_request_in_service():
    trial = samples.good_trial(samples.planned("threads", worker_class="gthread", worker_threads=2))
    one_worker = replace(
        trial, requests=tuple(replace(row, server=replace(row.server, worker=70)) for row in trial.requests)
    )
    titles = ["worker 70", *(f"worker 70, {number}" for number in range(2, 7))]
    assert [row.title for row in worker_rows(one_worker)] == titles
