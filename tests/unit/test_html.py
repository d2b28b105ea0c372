"""report.html: its sentences follow from the rows, its data holds every row, and nothing in it can run or load."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from dataclasses import fields, is_dataclass, replace
from hashlib import sha256
from html.parser import HTMLParser
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit import scenarios
from labkit.analysis.analyse import analyse
from labkit.analysis.metrics import trial_metrics
from labkit.model import STATES, Check, Comparison, LaneRow, Span, Trace
from labkit.output.format import shorten
from labkit.reports.html import embedded, render
from labkit.reports.html.data import UNIT_S, page_data, units
from labkit.reports.html.points import points
from labkit.reports.html.sentences import ordinal, seconds, sentence, trial_sentences, typical
from server.behaviour import Kind
from tests import samples

ONE_TRIAL = analyse(samples.comparison())
FIVE_REPEATS = analyse(samples.comparison(samples.plan(repeat=5)))
TROUBLED = analyse(samples.troubled_comparison(repeat=2))
COPING = analyse(samples.comparison(samples.of_scenario("rate-limit"), samples.coping_trial))
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7 * 7 }}\u2028'\"&\u202e"


def traced_comparison():
    """One traced trial of `threads` beside the untraced one."""
    plan = samples.plan(["threads"])
    (block,) = plan.blocks
    watched = replace(block.trials[0], order=2, traced=True)
    spans = (Span("running", 0.0, 0.01), Span("gil", 0.01, 0.02, derived=True), Span("io", 0.02, 1.0))
    lanes = (
        LaneRow("thread", samples.CLIENT_PID, samples.CLIENT_PID + 1, "thread 1", spans),
        LaneRow("thread", samples.CLIENT_PID, samples.CLIENT_PID + 9, "resolver", spans),
    )
    trace = Trace(lanes, gaps=((0.5, 0.52),), unseen=("waiting for a core: no schedstat",))
    trials = (samples.good_trial(block.trials[0]), replace(samples.good_trial(watched), trace=trace))
    return samples.comparison(plan, trials=tuple(map(samples.checked, trials)))


class Page(HTMLParser):
    """The page as a browser reads it: its elements, and the text of those that hold raw text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.scripts, self.styles, self.text = [], [], [], []
        self.now = self.text
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in {"script", "style"}:
            self.now = self.scripts if tag == "script" else self.styles
            self.now.append("")

    def handle_endtag(self, _tag):
        self.now = self.text

    def handle_data(self, data):
        if self.now is self.text:
            self.text.append(data)
        else:
            self.now[-1] += data

    @property
    def data(self):
        return next(json.loads(text) for text in self.scripts if text.startswith("{"))


def data_of(analysis):
    return page_data(analysis, trial_sentences(analysis))


def points_of(analysis):
    return points(analysis, trial_sentences(analysis))


def page_text(comparison):
    return "".join(Page(render(analyse(comparison))).text)


# Sentences.


def explain(trial, sync_handling_s=None):
    return sentence(trial, trial_metrics(trial), sync_handling_s)


def trial_of(name, **axes):
    return samples.comparison(samples.plan([name], **axes)).trials[0].trial


def troubled_trial(outcome):
    return next(each.trial for each in TROUBLED.comparison.trials if each.trial.outcome == outcome)


@pytest.mark.parametrize(
    ("name", "axes", "text"),
    [
        ("sync", {}, "9 requests, one at a time, need 9 rounds of 1 s, and 2 of 3 workers are idle at any time"),
        ("sync", {}, "the last request waited 8.0 s in the client, not at the server"),
        ("sync", {"requests": [1]}, "1 request, one at a time, needs 1 round of 1 s"),
        ("threads", {}, "9 requests on 3 workers need 3 rounds of 1 s"),
        ("threads", {}, "all were sent at once, and the third round waited 2.0 s at the server"),
        ("threads", {"requests": [12]}, "and the fourth round waited 3.0 s at the server"),
        ("asyncio_semaphore", {}, "the third round waited 2.0 s in the client, not at the server"),
        ("thread_pool", {"limits": [2]}, "at most 2 in flight, need 5 rounds of 1 s, and 1 of 3 workers is idle"),
        ("thread_pool", {"limits": [6]}, "the third round waited 1.0 s in the client and 1.0 s at the server"),
        ("threads", {"worker_classes": ["gevent"]}, "on a server that accepts all at once need 1 round of 1 s"),
        ("threads", {"worker_classes": ["gthread"], "worker_threads": [2]}, "on 3 workers × 2 threads need 2 rounds"),
    ],
)
def test_a_sentence_explains_the_makespan(name, axes, text):
    assert text in explain(trial_of(name, **axes))


def test_the_queue_is_located_by_the_rows_and_not_by_the_configuration():
    trial = trial_of("threads")
    late = tuple(replace(row, sent_s=row.server.start_s, start_s=row.server.start_s) for row in trial.requests)
    assert "in the client, not at the server" in explain(replace(trial, requests=late))


def test_a_large_overhead_is_located():
    trial = trial_of("threads")
    slow = replace(trial, makespan_s=trial.makespan_s + 1.5)
    pattern = r"took 1\.5 s longer than the ideal 3\.0 s, including 1\.5 s after the last answer\.$"
    assert re.search(pattern, explain(slow))


def test_an_unfinished_trial_states_how_many_answers_it_received():
    assert explain(troubled_trial("crashed")) == "Crashed after 4 of 9 answers: the client was killed by SIGKILL."


def test_a_trial_without_samples_counts_its_answers_too():
    trial = replace(troubled_trial("crashed"), samples=())
    assert explain(trial).startswith("Crashed after 4 of 9 answers")


def test_failed_requests_come_first():
    assert explain(troubled_trial("failed")).startswith("1 of 9 requests failed; 9 requests")


def coping(name="sync", scenario="rate-limit", **changes):
    """A trial in a scenario with faults, with one row per attempt."""
    return samples.coping_trial(samples.of_scenario(scenario, [name]).trials[0], **changes)


@pytest.mark.parametrize(
    "text",
    [
        "48 of 50 requests were answered; ",
        "; 2 of 50 requests failed: 1 × no answer when the trial ended and 1 × status 503; ",
        "; 54 attempts, 6 of them wasted; ",
        "; 4 attempts refused: 2 × status 503, 1 × status 429 and 1 × status 403; ",
    ],
)
def test_a_sentence_counts_failures_retries_and_refusals(text):
    assert text in explain(coping())


def test_an_exception_that_discards_the_other_answers_is_mentioned():
    assert "48 of 50 requests were answered, but an exception discarded all answers" in explain(
        coping(answers=None, causes=None)
    )
    assert "exception" not in explain(coping())


def test_the_sentence_of_a_timeout_counts_the_requests_without_an_answer():
    text = explain(coping(scenario="timeouts", outcome="timeout", error="no end after 20 s", makespan_s=None))
    assert text.startswith(
        "Timed out after 28 of 30 answers: no end after 20 s; 2 of 30 requests failed: 1 × no answer"
    )


def test_a_long_time_without_answers_is_mentioned():
    trial = coping()
    assert "no request was answered" not in explain(trial)
    text = sentence(trial, replace(trial_metrics(trial), longest_quiet_s=7.0))
    assert "; for 7.0 s no request was answered" in text


@pytest.mark.parametrize(("ideal_s", "text"), [(9.05, "9.05 s"), (9.0, "9.0 s"), (0.25, "0.25 s"), (0.004, "4 ms")])
def test_the_ideal_has_all_its_digits(ideal_s, text):
    good = samples.good_trial()
    trial = replace(good, planned=replace(good.planned, ideal_s=ideal_s), makespan_s=9.5)
    assert f" longer than the ideal {text}" in explain(trial)


def test_without_faults_no_fault_is_mentioned():
    text = explain(samples.comparison(samples.of_scenario("flaky", ["threads"])).trials[0].trial)
    assert text.startswith("All 30 requests were answered; ")
    assert not any(word in text for word in ("failed", "attempts", "refused", "no request was"))


def handling(name, unread_s=0.0, plan=None):
    """A trial of `name` in the scenario cpu, in which all answers but the first stayed unread for `unread_s`."""
    plan = plan or samples.of_scenario("cpu", [name])
    trial = samples.comparison(plan).trials[0].trial
    first, *others = trial.requests
    unread = [replace(row, first_byte_s=row.server.end_s + unread_s) for row in others]
    return replace(trial, requests=(first, *unread))


def test_handling_is_compared_with_sync_except_for_sync_itself():
    trial = handling("threads")
    own_s = trial_metrics(trial).handling_s
    assert "2.0 × as fast as sync (" in explain(trial, 2 * own_s)
    assert "about as long as sync" in explain(trial, own_s)
    assert "about as long as sync" not in explain(handling("sync"), own_s)


def test_answers_that_stayed_unread_during_the_handling_of_others_are_mentioned():
    text = "; 7 of 8 answers stayed unread for up to 0.20 s while the client handled other bodies; "
    assert text in explain(handling("threads", 0.2))
    assert "unread" not in explain(handling("threads"))
    assert "unread" not in explain(handling("threads", 0.2, samples.plan(["threads"])))


@pytest.mark.parametrize(
    ("scenario", "text"), [("jitter", "need 10 rounds or more;"), ("many", " of 0.1 s;"), ("big", "of 0.1 s;")]
)
def test_rounds_have_a_length_only_if_all_delays_are_equal(scenario, text):
    assert text in explain(samples.comparison(samples.of_scenario(scenario, ["threads"])).trials[0].trial)


SCENARIOS = [
    checked.trial
    for name in scenarios.names()
    for measure in (samples.good_trial, samples.coping_trial)
    for checked in samples.comparison(samples.of_scenario(name), measure).trials
]
MEASURED = [checked.trial for each in (ONE_TRIAL, FIVE_REPEATS, TROUBLED) for checked in each.comparison.trials]


@pytest.mark.parametrize("trial", [*MEASURED, *SCENARIOS])
def test_every_trial_has_a_sentence(trial):
    text = explain(trial)
    assert text == text.strip()
    assert text[0].isupper() or text[0].isdigit()


@pytest.mark.parametrize(
    ("value", "text"),
    [(9.04, "9.0 s"), (0.9999, "1.0 s"), (0.25, "0.25 s"), (0.0996, "0.10 s"), (0.016, "16 ms"), (0.0003, "0.3 ms")],
)
def test_a_time_has_the_unit_that_reads_best(value, text):
    assert seconds(value) == text


@pytest.mark.parametrize(
    ("number", "text"), [(1, "first"), (10, "tenth"), (11, "11th"), (21, "21st"), (112, "112th"), (203, "203rd")]
)
def test_ordinals(number, text):
    assert ordinal(number) == text


def test_the_typical_trial_is_the_untraced_one_nearest_to_the_median():
    trials = [each.trial for each in FIVE_REPEATS.comparison.trials if each.trial.planned.approach == "threads"]
    middle = sorted(trials, key=lambda trial: trial.makespan_s)[2]
    traced = [replace(middle, planned=replace(middle.planned, traced=True, order=0))]
    assert typical([*traced, *trials]) == middle
    assert typical(traced) is None


# Data.


@pytest.mark.parametrize("analysis", [ONE_TRIAL, FIVE_REPEATS, TROUBLED, COPING])
def test_every_trial_and_request_is_in_the_data(analysis):
    data = Page(render(analysis)).data
    trials = [checked.trial for checked in analysis.comparison.trials]
    assert data == data_of(analysis)
    assert [trial["order"] for trial in data["trials"]] == [trial.planned.order for trial in trials]
    for saved, trial in zip(data["trials"], trials, strict=True):
        rows = saved["requests"]
        assert rows["id"] == [row.id for row in trial.requests]
        for at, row in enumerate(trial.requests):
            assert saved["lanes"][rows["lane"][at]] == [row.lane, row.pid]
            assert rows["worker"][at] == (row.server.worker if row.server else None)
            assert rows["attempt"].get(str(at), 1) == row.attempt
            assert rows["did"].get(str(at), "answer") == (row.server.did if row.server else "answer")
            for column, moment_s in {"start": row.start_s, "sent": row.sent_s, "end": row.end_s}.items():
                assert rows[column][at] == units(moment_s)
        assert saved["samples"]["threads"] == [sample.threads for sample in trial.samples]


@given(st.floats(0, 1e5))
def test_times_are_rounded_to_ten_microseconds_and_no_further(value):
    assert abs(units(value) * UNIT_S - value) <= UNIT_S / 2 + 1e-9


def test_an_unmeasured_time_stays_unmeasured():
    assert units(None) is None


def test_a_traced_trial_has_its_states_and_the_lane_of_its_requests():
    _, traced = data_of(analyse(traced_comparison()))["trials"]
    own, other = traced["trace"]["lanes"]
    states = list(STATES)
    assert own["lane"] == traced["lanes"].index(["thread 1", samples.CLIENT_PID])
    assert other["lane"] is None
    assert own["spans"][:8] == [states.index("running"), 0, 1000, 0, states.index("gil"), 1000, 2000, 1]
    assert traced["trace"]["gaps"] == [[50000, 52000]]
    assert traced["trace"]["unseen"] == ["waiting for a core: no schedstat"]


def test_the_title_of_a_traced_script_is_its_name_and_no_trial_counts_as_unranked():
    plain = traced_comparison()
    failed = replace(plain.trials[1], checks=(Check("littles_law", ok=False, detail="more were seen"),))
    text = page_text(replace(plain, trials=(failed,), mode="trace"))
    assert "threads traced" in text
    assert "compared" not in text
    assert "of them not ranked" not in text
    assert "littles_law more were seen" in text


def test_a_heading_states_the_cost_of_a_body_once():
    (point,) = points_of(analyse(samples.comparison(samples.plan(["sync"], handle_s=0.04))))
    assert point.section.heading.title.count("40 ms") == 1


@pytest.mark.parametrize("state", STATES)
def test_every_state_has_a_colour_in_both_themes(state):
    (style,) = Page(render(ONE_TRIAL)).styles
    assert len(set(re.findall(rf"--{state}: (#[0-9a-f]{{6}});", style))) == 2


def test_the_grid_is_shown_only_for_several_configurations():
    assert 'id="grid"' in render(TROUBLED)
    assert 'id="grid"' not in render(ONE_TRIAL)


# One file, which loads nothing and runs only its own scripts.


@pytest.mark.parametrize("analysis", [ONE_TRIAL, TROUBLED])
def test_the_page_loads_nothing(analysis):
    page = Page(render(analysis))
    assert [tag for tag, _ in page.tags if tag in {"link", "iframe", "img", "object", "embed", "base", "form"}] == []
    assert [attrs for _, attrs in page.tags if {"src", "href", "srcset", "action", "style"} & set(attrs)] == []
    assert [attrs for _, attrs in page.tags for name in attrs if name.startswith("on")] == []
    for text in page.styles:
        assert "url(" not in text
        assert "@import" not in text


def test_our_own_code_names_no_address():
    text = render(ONE_TRIAL)
    library = max(Page(text).scripts, key=len)
    assert re.findall(r"https?://", text.replace(library, "")) == []


def test_the_policy_allows_only_the_scripts_the_style_and_the_pictures_of_the_page():
    page = Page(render(ONE_TRIAL))
    policy = next(attrs["content"] for tag, attrs in page.tags if tag == "meta" and "http-equiv" in attrs)
    rules = {rule.split()[0]: rule.split()[1:] for rule in policy.split("; ")}
    running = [text for text in page.scripts if not text.startswith("{")]
    nothing = ["'none'"]
    assert rules == {
        "default-src": nothing,
        "script-src": [hashed(text) for text in running],
        "style-src": [hashed(text) for text in page.styles],
        "img-src": ["data:"],
        "base-uri": nothing,
        "form-action": nothing,
    }


def hashed(text):
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def spoilt(value):
    """`value` with every text in it hostile, except texts that only the lab itself chooses."""
    kept = {"outcome", "worker_class", "mode"}
    if is_dataclass(value):
        parts = {field.name: getattr(value, field.name) for field in fields(value) if field.name not in kept}
        return replace(value, **{name: spoilt(part) for name, part in parts.items()})
    if isinstance(value, dict):
        return {spoilt(name): spoilt(part) for name, part in value.items()}
    if isinstance(value, tuple):
        return tuple(map(spoilt, value))
    return f"{value}{HOSTILE}" if isinstance(value, str) and value else value


@pytest.mark.parametrize("scenario", scenarios.names())
def test_a_page_explains_a_scenario_once(scenario):
    text = page_text(samples.comparison(samples.of_scenario(scenario)))
    assert text.count(scenarios.load(scenario).question) == (scenario != scenarios.DEFAULT)


def test_the_table_has_columns_for_faults_only_where_the_server_has_some():
    (point,) = points_of(COPING)
    titles = [column.title for column in point.section.table.columns]
    sync = dict(zip(titles, point.rows[0], strict=True))
    assert (sync["answered"], sync["failed"], sync["attempts"], sync["refused"]) == ("48", "2", "54", "4")
    assert (sync["wasted"], sync["verdict"]) == ("6", "failed")
    assert titles[-1] == "verdict"
    assert "attempts" not in [column.title for column in points_of(ONE_TRIAL)[0].section.table.columns]


@pytest.mark.parametrize("kind", [*get_args(Kind), "refused", "banned"])
def test_the_page_has_a_text_for_every_action_of_the_server(kind):
    (script,) = (text for text in Page(render(ONE_TRIAL)).scripts if "const SERVER_ACTIONS" in text)
    assert re.search(rf'\b{kind}: "', script.partition("const SERVER_ACTIONS")[2].partition("}")[0])


def test_the_page_states_the_version_of_python_and_the_gil():
    comparison = samples.comparison(samples.plan(["sync"]), lambda planned: samples.good_trial(planned, gil=False))
    assert "3.14.0, gil: off" in page_text(comparison)


@given(st.text() | st.just(HOSTILE))
def test_an_exception_in_place_of_a_body_is_shown_as_text(cause):
    planned = samples.of_scenario("flaky", ["threads"], requests=[2])
    trial = samples.good_trial(planned.trials[0], causes=(None, cause))
    analysis = analyse(samples.comparison(planned, trials=(samples.checked(trial),)))
    (point,) = points_of(analysis)
    assert point.causes == (("threads", (f"2: {cause}",)),)
    page = Page(render(analysis))
    assert shorten(f"2: {cause}") in "".join(page.text)
    assert [tag for tag, _ in page.tags if tag in {"img", "script"}] == ["script"] * 3


# A scenario that this lab does not have, so that the page explains it neither before nor after its name is spoilt.
UNKNOWN = analyse(
    samples.comparison(
        samples.plan(["sync", "threads"], scenarios={"odd": scenarios.load("rate-limit")}), samples.coping_trial
    )
)


@pytest.mark.parametrize("analysis", [ONE_TRIAL, TROUBLED, UNKNOWN])
def test_hostile_text_stays_text(analysis):
    hostile: Comparison = spoilt(analysis.comparison)
    good, bad = Page(render(analysis)), Page(render(analyse(hostile)))
    assert [tag for tag, _ in bad.tags] == [tag for tag, _ in good.tags]
    assert bad.scripts[1:] == good.scripts[1:]
    assert "<img src=x onerror=alert(1)>" in "".join(bad.text)
    assert "{{ 7 * 7 }}" in "".join(bad.text)
    assert "\u202e" not in "".join(bad.text)


@given(
    st.recursive(
        st.text() | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_embedded_data_comes_back_and_can_end_no_element(data):
    text = embedded(data)
    assert json.loads(text) == data
    assert not set("<>&\u2028\u2029") & set(text)


def test_a_value_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        embedded(float("nan"))


@pytest.mark.parametrize("analysis", [ONE_TRIAL, FIVE_REPEATS])
def test_the_file_of_a_default_comparison_is_small(analysis):
    assert len(render(analysis).encode()) <= 2_000_000
