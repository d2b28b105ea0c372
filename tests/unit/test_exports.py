"""A comparison as files for other programs: nothing is lost, nothing is made up, and nothing is too large."""

from __future__ import annotations

import csv
import json
import math
from collections import Counter, defaultdict
from dataclasses import replace
from functools import cache
from io import BytesIO, StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from labkit import scenarios
from labkit.analysis.analyse import analyse
from labkit.model import LaneRow, Span, Trace
from labkit.reports import files
from labkit.reports.files.csv_ import COLUMNS, LATER_TRIAL_COLUMNS, REQUEST_COLUMNS, TRIAL_COLUMNS
from labkit.reports.timeline.canvas import GREEN, ORANGE, PALE, VERMILLION
from labkit.reports.timeline.lanes import phases, rows, worker_rows
from labkit.reports.timeline.page import HEADER, LEFT, RIGHT, WIDTH, ticks
from labkit.reports.timeline.stacks import Time, shares
from labkit.reports.timeline.strips import client_strips, state_strips, worker_strips
from tests import samples
from tests.samples import document

HOSTILE = "\x1b[31m<script>alert(1)</script>\u202e漢"


def traced(planned):
    """A trial that was watched: two lanes, of which one has a derived span, and a gap."""
    lanes = (
        LaneRow("thread", 4100, 4101, HOSTILE, (Span("io", 0.0, 1.0), Span("gil", 1.0, 1.25, derived=True))),
        LaneRow("task", 4100, 1, "Task-1", (Span("ready", 0.1, 0.3), Span("running", 0.3, 0.4))),
    )
    return samples.good_trial(replace(planned, traced=True), trace=Trace(lanes, ((1.25, 1.5),), ()))


def with_trouble(planned):
    """Requests that failed, that never ended, of which the server knows nothing, and that overlap in their lane."""
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
    """The events of `ALL[number]`, which many tests look at."""
    return json.loads(written("trace", ALL[number]))["traceEvents"]


def written(name, comparison):
    to = BytesIO()
    files.load(name).write(analyse(comparison), to)
    return to.getvalue()


def test_the_formats_that_were_promised_are_there():
    assert {"csv", "html", "png", "trace"} <= set(files.names())


def test_a_new_format_is_one_file(tmp_path, monkeypatch):
    (tmp_path / "shout.py").write_text(
        "FILE = None\ndef write(analysis, to):\n    to.write(analysis.comparison.id.encode())\n"
    )
    monkeypatch.setattr(files, "__path__", [*files.__path__, str(tmp_path)])
    assert written("shout", WHOLE) == WHOLE.id.encode()


@each_comparison
@pytest.mark.parametrize("name", files.names())
def test_every_format_writes_every_comparison_the_same_way_each_time(name, comparison):
    content = written(name, comparison)
    assert content
    assert content == written(name, comparison)


# Rows for data frames.


@each_comparison
def test_csv_has_every_request_with_the_figures_of_the_document(comparison):
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


def test_csv_cannot_steer_a_terminal():
    text = written("csv", ODD).decode()
    assert "<script>" in text
    assert all(sign.isprintable() for sign in text.replace("\n", ""))


@pytest.mark.parametrize("scenario", scenarios.names())
@pytest.mark.parametrize("name", files.names())
def test_every_format_writes_every_scenario_with_several_attempts_a_request(name, scenario):
    few = samples.of_scenario(scenario, ["threads"], requests=[9])
    assert written(name, samples.comparison(few, samples.coping_trial))


def test_csv_tells_attempts_and_what_the_server_did():
    rows = [row for row in csv.DictReader(StringIO(written("csv", COPING).decode())) if row["approach"] == "sync"]
    of_first = [row for row in rows if row["request.id"] == "1"]
    assert [row["request.attempt"] for row in of_first] == ["1", "2", "3"]
    assert [row["request.server.did"] for row in of_first] == ["refused", "banned", "answer"]


def test_many_attempts_are_not_called_requests():
    often = samples.coping_trial(samples.of_scenario("many", ["threads"], requests=[100]).trials[0])
    own_lanes = replace(often, requests=tuple(replace(row, lane=f"Task-{row.id}") for row in often.requests))
    assert client_strips(own_lanes, Time(9.0, 100))[0].label == f"all {len(often.requests)} attempts"


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
    """As Perfetto wants it: what overlaps without nesting would be put elsewhere."""
    tracks = defaultdict(list)
    for event in events(comparison, "X"):
        tracks[event["pid"], event["tid"]].append(nanoseconds(event))
    for spans in tracks.values():
        around = []
        for start, end in sorted(spans, key=lambda span: span[0]):  # stable: as a reader of the file sorts them
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


def test_what_was_derived_is_marked_and_gaps_are_there():
    states = [event for event in events(TRACED, "X") if event["cat"] == "state"]
    assert [event["args"]["derived"] for event in states].count(True) == 1
    assert {event["name"] for event in states} >= {"waiting for the GIL", "ready, waiting for the loop"}
    assert [event["name"] for event in events(TRACED, "X") if event["cat"] == "gap"] == ["nobody watched"]


# The picture.


def picture(comparison):
    return Image.open(BytesIO(written("png", comparison))).convert("RGB")


def pixels(image, colour):
    """How many pixels of the panels have this colour."""
    panels = image.crop((LEFT, HEADER + 60, WIDTH - RIGHT, image.height))
    return sum(count for count, each in panels.getcolors(1 << 24) if each == colour)


@each_comparison
def test_the_picture_is_as_wide_as_a_projector(comparison):
    assert picture(comparison).width == WIDTH == 1920


def test_colours_tell_where_requests_wait():
    of = {name: picture(samples.comparison(samples.plan([name]))) for name in ("sync", "threads", "asyncio_semaphore")}
    assert pixels(of["threads"], ORANGE) > 100 * pixels(of["sync"], ORANGE)
    assert pixels(of["threads"], ORANGE) > 100 * pixels(of["asyncio_semaphore"], ORANGE)
    assert pixels(of["asyncio_semaphore"], PALE) > 5 * pixels(of["threads"], PALE)
    assert all(pixels(image, GREEN) for image in of.values())


def test_what_failed_is_seen():
    assert pixels(picture(ODD), VERMILLION) > pixels(picture(WHOLE), VERMILLION) == 0


def test_thousands_of_requests_make_no_larger_picture():
    def own_lanes(planned):
        good = samples.good_trial(planned)
        return replace(good, requests=tuple(replace(row, lane=f"Task-{row.id}") for row in good.requests))

    many = samples.plan(["threads"], requests=[2000], workers=[50], delays_s=[0.01])
    assert picture(samples.comparison(many, own_lanes)).height <= picture(WHOLE).height
    (crowd,) = client_strips(own_lanes(many.trials[0]), Time(1.0, 300))
    assert len(crowd.bars) < 5 * 300


# The parts.


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 10), st.floats(0, 10)), max_size=20),
    st.integers(1, 50),
)
def test_shares_of_columns_add_up_to_the_time_that_was_spent(spans, columns):
    spans = [(key, min(one, other), max(one, other)) for key, one, other in spans]
    time = Time(10.0, columns)
    found = shares(spans, time)
    for key in "abc":
        spent = sum(column.get(key, 0.0) for column in found) * time.step_s
        assert spent == pytest.approx(sum(end - start for each, start, end in spans if each == key), abs=1e-6)
    assert all(value <= len(spans) + 1e-6 for column in found for value in column.values())


moments = st.none() | st.floats(-1, 12)


@given(moments, moments, moments, moments, st.none() | st.tuples(st.floats(-1, 12), st.floats(-1, 12)))
def test_phases_fill_a_request_whatever_the_clocks_said(connected_s, sent_s, first_byte_s, end_s, server):
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


def test_requests_that_overlap_in_a_lane_are_put_in_several_rows():
    trial = with_trouble(samples.planned("threads"))
    found = rows(trial, 9.0)
    assert [row.part for row in found] == list(range(1, len(found) + 1))
    assert sum(len(row.requests) for row in found) == len(trial.requests)
    for row in found:
        ends = [9.0 if each.end_s is None else each.end_s for each in row.requests]
        assert all(end <= after.start_s for end, after in zip(ends, row.requests[1:], strict=False))


def test_a_worker_with_threads_takes_a_row_for_each_request_at_once():
    trial = samples.good_trial(samples.planned("threads", worker_class="gthread", worker_threads=2))
    one_worker = replace(
        trial, requests=tuple(replace(row, server=replace(row.server, worker=70)) for row in trial.requests)
    )
    assert [(row.worker, row.part) for row in worker_rows(one_worker)] == [(70, part) for part in range(1, 7)]


def test_a_worker_that_did_nothing_has_a_row():
    trial = samples.good_trial(samples.planned("sync", requests=1))
    strips = worker_strips(trial, Time(2.0, 100))
    assert [bool(strip.bars) for strip in strips] == [True, False, False]


def test_states_share_a_column_and_derived_ones_are_lighter():
    trace = traced(samples.planned()).trace
    measured, derived = (bar.colour for bar in state_strips(trace, Time(2.0, 8))[0].bars)
    assert derived == tuple((part + 255) // 2 for part in VERMILLION)
    assert measured != derived


@given(st.floats(1e-3, 1e5))
def test_an_axis_has_some_round_ticks(end_s):
    found = ticks(end_s)
    assert found[0] == 0
    assert 3 <= len(found) <= 14
    assert found[-1] <= end_s * (1 + 1e-6)
