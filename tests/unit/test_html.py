"""report.html: its sentences follow from the figures, its data holds every row, and nothing in it can run or load."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit import scenarios
from labkit.model import STATES, Check, LaneRow, Span, Trace
from labkit.output.format import shorten
from labkit.reports.html import embedded, render
from labkit.reports.html.data import UNIT_S, units, view
from labkit.reports.html.points import heading, points_of, sections
from labkit.reports.html.sentences import ordinal, seconds, sentence, typical
from server.behaviour import Kind
from tests import samples
from tests.samples import document

ONE_TRIAL = document(samples.comparison())
FIVE_RUNS = document(samples.comparison(samples.plan(repeat=5)))
TROUBLED = document(samples.troubled_comparison(repeat=2))
COPING = document(samples.comparison(samples.of_scenario("rate-limit"), samples.coping_trial))
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


def traced_script(outcome="ok"):
    """What `lab.py trace` measured of a script, with a check that it failed."""
    whole = traced_comparison()
    _, watched = whole.trials
    trial = replace(watched.trial, outcome=outcome)
    failed = replace(watched, trial=trial, checks=(Check("littles_law", ok=False, detail="more were seen"),))
    return replace(whole, trials=(failed,), mode="trace")


class Page(HTMLParser):
    """The page as a browser takes it: its elements, and the text of those that hold raw text."""

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


# Sentences.


def trial_of(name, **axes):
    plan = samples.plan([name], **axes)
    return document(samples.comparison(plan))["trials"][0]


@pytest.mark.parametrize(
    ("name", "axes", "said"),
    [
        ("sync", {}, "9 requests, one at a time, is 9 rounds of 1 s, while 2 of 3 workers had nothing to do"),
        ("sync", {}, "the last request waited 8.0 s in the client, and none of it at the server"),
        ("threads", {}, "9 requests on 3 workers is 3 rounds of 1 s"),
        ("threads", {}, "all went out at once, and the third round waited 2.0 s at the server"),
        ("threads", {"requests": [12]}, "and the fourth round waited 3.0 s at the server"),
        ("asyncio_semaphore", {}, "the third round waited 2.0 s in the client, and none of it at the server"),
        ("thread_pool", {"limits": [2]}, "at most 2 in flight, is 5 rounds of 1 s, while 1 of 3 workers had nothing"),
        ("thread_pool", {"limits": [6]}, "the third round waited 1.0 s in the client and 1.0 s at the server"),
        ("threads", {"worker_classes": ["gevent"]}, "on a server that takes up all at once is 1 round of 1 s"),
        ("threads", {"worker_classes": ["gthread"], "worker_threads": [2]}, "on 3 workers × 2 threads is 2 rounds"),
    ],
)
def test_a_sentence_says_from_the_figures_why_it_took_as_long(name, axes, said):
    assert said in sentence(trial_of(name, **axes))


def test_the_queue_is_where_the_rows_say_it_is_whatever_the_configuration_promises():
    trial = trial_of("threads")
    late = [
        row | {"sent_s": row["server"]["start_s"], "start_s": row["server"]["start_s"]} for row in trial["requests"]
    ]
    assert "in the client, and none of it at the server" in sentence(trial | {"requests": late})


def test_where_the_overhead_was_is_said():
    trial = trial_of("threads")
    slow = trial | {"makespan_s": trial["makespan_s"] + 1.5}
    assert re.search(r"took 1\.5 s more than the ideal 3\.0 s, of it 1\.5 s after the last answer\.$", sentence(slow))


def test_a_trial_that_did_not_end_says_how_far_it_came():
    crashed = next(trial for trial in TROUBLED["trials"] if trial["outcome"] == "crashed")
    assert sentence(crashed) == f"Crashed after {crashed['ok']} of 9 answers: the client was killed by SIGKILL."


def test_failed_requests_come_first():
    failed = next(trial for trial in TROUBLED["trials"] if trial["outcome"] == "failed")
    assert sentence(failed).startswith("1 of 9 requests failed; 9 requests")


def coping(name="sync", scenario="rate-limit", **changes):
    """A trial in a scenario with faults, with a row a attempt."""
    planned = samples.of_scenario(scenario, [name]).trials[0]
    return document(
        samples.comparison(samples.of_scenario(scenario, [name]), lambda _: samples.coping_trial(planned, **changes))
    )["trials"][0]


@pytest.mark.parametrize(
    "said",
    [
        "48 of 50 requests answered; ",
        "; 2 of 50 requests failed: 1 × no answer when the trial ended and 1 × status 503; ",
        "; 54 attempts, 6 of them wasted; ",
        "; 4 attempts refused: 2 × status 503, 1 × status 429 and 1 × status 403; ",
    ],
)
def test_a_sentence_says_what_was_lost_and_why_what_was_tried_again_and_what_was_refused(said):
    assert said in sentence(coping())


def test_an_exception_that_throws_the_other_answers_away_is_told():
    assert "48 of 50 requests answered, and none of the answers returned, because of an exception" in sentence(
        coping(answers=None, causes=None)
    )
    assert "because of an exception" not in sentence(coping())


def test_a_trial_that_was_ended_says_what_had_no_answer_then():
    said = sentence(coping(scenario="timeouts", outcome="timeout", error="no end after 20 s", makespan_s=None))
    assert said.startswith("Timeout after 28 of 30 answers: no end after 20 s; 2 of 30 requests failed: 1 × no answer")


def test_silence_is_told_where_it_is_longer_than_answers_take():
    assert "no request was answered for" not in sentence(coping())
    assert "; no request was answered for 7.0 s" in sentence(coping() | {"longest_quiet_s": 7.0})


def test_what_nobody_lost_is_not_told():
    planned = samples.of_scenario("flaky", ["threads"])
    said = sentence(document(samples.comparison(planned))["trials"][0])
    assert said.startswith("All 30 requests were answered; ")
    assert not any(word in said for word in ("failed", "attempts", "refused", "no request was"))


def handling(name, unread_s=0.0):
    """A trial of `name` in the scenario cpu whose answers lay there that long."""
    planned = samples.of_scenario("cpu", [name])
    trial = document(samples.comparison(planned))["trials"][0]
    for row in trial["requests"][1:]:
        row["first_byte_s"] = row["server"]["end_s"] + unread_s
    return trial


def test_handling_is_compared_with_syncs_and_sync_with_nobody():
    trial = handling("threads")
    assert "2.0 × as fast as sync (" in sentence(trial, 2 * trial["handling_s"])
    assert "about as long as sync" in sentence(trial, trial["handling_s"])
    assert "about as long as sync" not in sentence(trial | {"approach": "sync"}, trial["handling_s"])


def test_answers_that_nobody_read_because_others_were_handled_are_told():
    assert "; 7 of 8 answers lay unread for up to 0.20 s while others were handled; " in sentence(handling("a", 0.2))
    assert "unread" not in sentence(handling("a"))
    assert "unread" not in sentence(handling("a", 0.2) | {"load": ONE_TRIAL["trials"][0]["load"]})


@pytest.mark.parametrize(
    ("scenario", "said"), [("jitter", "is 10 rounds or more;"), ("many", " of 0.1 s;"), ("big", "of 0.1 s;")]
)
def test_rounds_have_a_length_where_delays_do_not_differ(scenario, said):
    assert said in sentence(document(samples.comparison(samples.of_scenario(scenario, ["threads"])))["trials"][0])


SCENARIOS = [
    trial
    for name in scenarios.names()
    for measure in (samples.good_trial, samples.coping_trial)
    for trial in document(samples.comparison(samples.of_scenario(name), measure))["trials"]
]


@pytest.mark.parametrize("trial", [*ONE_TRIAL["trials"], *FIVE_RUNS["trials"], *TROUBLED["trials"], *SCENARIOS])
def test_every_trial_has_a_sentence(trial):
    said = sentence(trial)
    assert said == said.strip()
    assert said[0].isupper() or said[0].isdigit()


@pytest.mark.parametrize(
    ("value", "said"),
    [(9.04, "9.0 s"), (0.9999, "1.0 s"), (0.25, "0.25 s"), (0.0996, "0.10 s"), (0.016, "16 ms"), (0.0003, "0.3 ms")],
)
def test_a_time_is_said_as_people_do(value, said):
    assert seconds(value) == said


@pytest.mark.parametrize(
    ("number", "said"), [(1, "first"), (10, "tenth"), (11, "11th"), (21, "21st"), (112, "112th"), (203, "203rd")]
)
def test_ordinals(number, said):
    assert ordinal(number) == said


def test_the_trial_nearest_to_the_median_speaks_for_its_repeats_and_never_a_traced_one():
    trials = [trial for trial in FIVE_RUNS["trials"] if trial["approach"] == "threads"]
    middle = sorted(trials, key=lambda trial: trial["makespan_s"])[2]
    traced = [middle | {"traced": True, "order": 0}]
    assert typical([*traced, *trials]) == middle
    assert typical(traced) is None


# Data.


@pytest.mark.parametrize("whole", [ONE_TRIAL, FIVE_RUNS, TROUBLED, COPING])
def test_every_trial_and_request_is_in_the_data(whole):
    shown = Page(render(whole)).data
    assert shown == view(whole)
    assert [trial["order"] for trial in shown["trials"]] == [trial["order"] for trial in whole["trials"]]
    for drawn, trial in zip(shown["trials"], whole["trials"], strict=True):
        rows = drawn["requests"]
        assert rows["id"] == [row["id"] for row in trial["requests"]]
        for at, row in enumerate(trial["requests"]):
            assert drawn["lanes"][rows["lane"][at]] == [row["lane"], row["pid"]]
            assert rows["worker"][at] == (row["server"]["worker"] if row["server"] else None)
            assert rows["attempt"].get(str(at), 1) == row["attempt"]
            assert rows["did"].get(str(at), "answer") == (row["server"]["did"] if row["server"] else "answer")
            for column, moment in {"start": row["start_s"], "sent": row["sent_s"], "end": row["end_s"]}.items():
                assert rows[column][at] == units(moment)
        assert drawn["samples"]["threads"] == [sample["threads"] for sample in trial["samples"]]


@given(st.floats(0, 1e5))
def test_times_are_rounded_to_ten_microseconds_and_no_further(value):
    assert abs(units(value) * UNIT_S - value) <= UNIT_S / 2 + 1e-9


def test_what_was_not_measured_stays_unmeasured():
    assert units(None) is None


def test_a_traced_trial_carries_its_states_and_finds_the_lane_of_its_requests():
    _, traced = view(document(traced_comparison()))["trials"]
    own, other = traced["trace"]["lanes"]
    states = list(STATES)
    assert own["lane"] == traced["lanes"].index(["thread 1", samples.CLIENT_PID])
    assert other["lane"] is None
    assert own["spans"][:8] == [states.index("running"), 0, 1000, 0, states.index("gil"), 1000, 2000, 1]
    assert traced["trace"]["gaps"] == [[50000, 52000]]
    assert traced["trace"]["unseen"] == ["waiting for a core: no schedstat"]


def test_a_traced_script_is_headed_by_its_name_and_nothing_is_ranked():
    plain = traced_comparison()
    failed = replace(plain.trials[1], checks=(Check("littles_law", ok=False, detail="more were seen"),))
    text = "".join(Page(render(document(replace(plain, trials=(failed,), mode="trace")))).text)
    assert "threads traced" in text
    assert "compared" not in text
    assert "of them not ranked" not in text
    assert "littles_law more were seen" in text


def test_a_heading_says_once_what_a_body_costs():
    plan = samples.plan(["sync"], handle_s=0.04)
    whole = document(samples.comparison(plan))
    assert heading(points_of(whole)[0]).count("40 ms") == 1


@pytest.mark.parametrize("state", STATES)
def test_every_state_has_a_colour_in_both_themes(state):
    (style,) = Page(render(ONE_TRIAL)).styles
    assert len(set(re.findall(rf"--{state}: (#[0-9a-f]{{6}});", style))) == 2


def test_the_grid_is_shown_only_where_there_is_one():
    assert 'id="grid"' in render(TROUBLED)
    assert 'id="grid"' not in render(ONE_TRIAL)


# One file, which loads nothing and obeys nobody.


@pytest.mark.parametrize("whole", [ONE_TRIAL, TROUBLED])
def test_the_page_loads_nothing(whole):
    page = Page(render(whole))
    assert [tag for tag, _ in page.tags if tag in {"link", "iframe", "img", "object", "embed", "base", "form"}] == []
    assert [attrs for _, attrs in page.tags if {"src", "href", "srcset", "action", "style"} & set(attrs)] == []
    assert [attrs for _, attrs in page.tags for name in attrs if name.startswith("on")] == []
    for text in page.styles:
        assert "url(" not in text
        assert "@import" not in text


def test_what_is_ours_names_no_address():
    text = render(ONE_TRIAL)
    library = max(Page(text).scripts, key=len)
    assert re.findall(r"https?://", text.replace(library, "")) == []


def test_the_policy_allows_the_pages_own_scripts_and_style_by_their_hashes_and_nothing_else():
    page = Page(render(ONE_TRIAL))
    policy = next(attrs["content"] for tag, attrs in page.tags if tag == "meta" and "http-equiv" in attrs)
    rules = {rule.split()[0]: rule.split()[1:] for rule in policy.split("; ")}
    running = [text for text in page.scripts if not text.startswith("{")]
    assert rules["default-src"] == ["'none'"]
    assert rules["script-src"] == [hashed(text) for text in running]
    assert rules["style-src"] == [hashed(text) for text in page.styles]


def hashed(text):
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def spoilt(value):
    """`value` with every text in it hostile, where a program did not choose the text."""
    if isinstance(value, dict):
        kept = {"outcome", "worker_class", "figure", "supported"}
        return {name: part if name in kept else spoilt(part) for name, part in value.items()}
    if isinstance(value, list):
        return [spoilt(part) for part in value]
    return f"{value}{HOSTILE}" if isinstance(value, str) and value else value


@pytest.mark.parametrize("scenario", scenarios.names())
def test_a_page_says_once_what_a_scenario_is_about(scenario):
    text = "".join(Page(render(document(samples.comparison(samples.of_scenario(scenario))))).text)
    assert text.count(scenarios.load(scenario).question) == (scenario != scenarios.DEFAULT)


def test_where_the_server_has_faults_the_page_has_the_columns_for_it():
    (section,) = sections(COPING)
    sync = dict(zip(section["columns"], section["rows"][0], strict=True))
    assert (sync["answered"], sync["failed"], sync["attempts"], sync["refused"]) == ("48", "2", "54", "4")
    assert (sync["wasted"], sync["verdict"]) == ("6", "failed")
    assert "attempts" not in sections(ONE_TRIAL)[0]["columns"]


@pytest.mark.parametrize("kind", [*get_args(Kind), "refused", "banned"])
def test_the_page_has_words_for_whatever_the_server_does(kind):
    (script,) = (text for text in Page(render(ONE_TRIAL)).scripts if "const DID" in text)
    assert re.search(rf'\b{kind}: "', script.partition("const DID")[2].partition("}")[0])


def test_the_page_says_which_python_ran_and_whether_it_had_a_gil():
    whole = samples.comparison(samples.plan(["sync"]), lambda planned: samples.good_trial(planned, gil=False))
    assert "3.14.0, gil: off" in "".join(Page(render(document(whole))).text)


@given(st.text() | st.just(HOSTILE))
def test_what_came_in_the_place_of_a_body_is_shown_and_stays_text(cause):
    planned = samples.of_scenario("flaky", ["threads"], requests=[2])
    trial = samples.good_trial(planned.trials[0], causes=(None, cause))
    whole = document(samples.comparison(planned, trials=(samples.checked(trial),)))
    (section,) = sections(whole)
    ((_, (said,)),) = section["instead"]
    assert said == f"2: {shorten(cause)}"
    page = Page(render(whole))
    assert [tag for tag, _ in page.tags if tag in {"img", "script"}] == ["script"] * 3
    assert all(sign.isprintable() for sign in said)


# A scenario that this lab does not know, so that spoiling its name takes nothing off the page.
UNKNOWN = document(
    samples.comparison(
        samples.plan(["sync", "threads"], scenarios={"odd": scenarios.load("rate-limit")}), samples.coping_trial
    )
)


@pytest.mark.parametrize("whole", [ONE_TRIAL, TROUBLED, UNKNOWN])
def test_whatever_anybody_wrote_stays_text(whole):
    good, bad = Page(render(whole)), Page(render(spoilt(whole)))
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


def test_a_figure_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        embedded(float("nan"))


@pytest.mark.parametrize("whole", [ONE_TRIAL, FIVE_RUNS])
def test_the_file_of_a_default_comparison_is_small(whole):
    assert len(render(whole).encode()) <= 2_000_000
