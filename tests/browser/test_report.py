"""report.html in a browser: it opens from disk without a network, and its pictures show the figures of the document."""

from __future__ import annotations

import os
import re
from copy import deepcopy

import pytest
from playwright import sync_api as playwright

from labkit.reports.html import render
from tests import samples
from tests.browsers import chromium
from tests.samples import document

pytestmark = pytest.mark.browser

WHOLE = document(samples.comparison())
COPING = document(samples.comparison(samples.of_scenario("rate-limit", requests=[9]), samples.coping_trial))
HOSTILE = "</script><script>window.harmed = true</script><img src=x onerror='window.harmed = true'>"
STEP_PX = 6


@pytest.fixture(scope="module")
def browser():
    # Chromium's own sandbox needs a user other than root.
    arguments = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=chromium(), args=arguments)
        yield running
        running.close()


@pytest.fixture
def open_report(browser, tmp_path):
    """Opens a document's report from disk; whatever the page complains of or asks for fails the test at its end."""
    complaints, asked, pages = [], [], []

    def opened(whole, **options):
        path = tmp_path / "report.html"
        path.write_text(render(whole), "utf-8")
        page = browser.new_page(viewport={"width": 1280, "height": 900}, **options)
        pages.append(page)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        return page

    yield opened
    for page in pages:
        page.close()
    assert complaints == []
    assert [url for url in asked if not url.endswith("/report.html")] == []


def panel(page, approach):
    """The timeline of one approach, scrolled to where it can be pointed at."""
    found = page.locator(".panel").filter(has=page.get_by_role("heading", name=approach, exact=True))
    found.evaluate("element => element.scrollIntoView({block: 'center'})")
    return found


def position_of(page, moment_s):
    """Where a moment stands on the page, by the axis that people read it from."""
    page.locator("#axis .tick").first.wait_for(state="attached")
    places = "ticks => ticks.map(tick => [tick.textContent, tick.querySelector('line').getBoundingClientRect().x])"
    ticks = page.locator("#axis .tick").evaluate_all(places)
    found = sorted((float(text.removesuffix(" s").replace("−", "-")), x) for text, x in ticks)
    (one, at_one), (other, at_other) = found[0], found[-1]
    return at_one + (moment_s - one) * (at_other - at_one) / (other - one)


def pointed_at(page, approach, moment_s):
    """What pointing at every height of the picture shows at a moment: the box's text by the request's id."""
    texts = texts_at(page, approach, moment_s)
    return {int(re.match(r"request (\d+)", text).group(1)): text for text in texts}


def texts_at(page, approach, moment_s):
    """The box's text at every height of the picture where it shows."""
    box = panel(page, approach).locator("canvas").bounding_box()
    x = position_of(page, moment_s)
    shown = []
    for y in range(int(box["y"]) + 1, int(box["y"] + box["height"]), STEP_PX):
        page.mouse.move(x, y)
        figures = page.locator("#figures")
        if figures.is_visible():
            shown.append(figures.inner_text())
    return shown


def trial_of(whole, approach):
    return next(trial for trial in whole["trials"] if trial["approach"] == approach and not trial["traced"])


def told(seconds):
    return f"{seconds:.3f} s" if seconds >= 0.9995 else f"{seconds * 1000:.2f} ms"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("whole", [WHOLE, document(samples.troubled_comparison(repeat=2)), COPING])
def test_it_opens_from_disk_without_a_network_or_a_complaint(open_report, whole, scheme):
    page = open_report(whole, color_scheme=scheme)
    assert page.locator("html").get_attribute("data-theme") == scheme
    for approach in {row["approach"] for row in whole["summary"]}:
        assert page.locator(".sentences dt", has_text=re.compile(f"^{approach}$")).count() >= 1
    page.locator("#theme").click()
    assert page.locator("html").get_attribute("data-theme") != scheme


@pytest.mark.parametrize("approach", ["sync", "threads", "asyncio_semaphore"])
@pytest.mark.parametrize("moment_s", [0.5, 1.5, 2.5])
def test_pointing_at_a_moment_shows_the_requests_that_were_in_flight_then(open_report, approach, moment_s):
    rows = trial_of(WHOLE, approach)["requests"]
    shown = pointed_at(open_report(WHOLE), approach, moment_s)
    assert set(shown) == {row["id"] for row in rows if row["start_s"] <= moment_s <= row["end_s"]}
    for row in rows:
        if row["id"] in shown:
            assert f"{row['lane']}, process {row['pid']}" in shown[row["id"]]
            assert told(row["end_s"] - row["start_s"]) in shown[row["id"]]
            assert f"worker {row['server']['worker']}" in shown[row["id"]]


def test_the_keys_step_through_the_requests_and_show_their_phases(open_report):
    page = open_report(WHOLE)
    canvas = panel(page, "threads").locator("canvas")
    canvas.focus()
    figures = page.locator("#figures")
    rows = sorted(trial_of(WHOLE, "threads")["requests"], key=lambda row: row["start_s"])
    seen = set()
    for _ in rows:
        canvas.press("ArrowRight")
        text = figures.inner_text()
        row = next(row for row in rows if text.startswith(f"request {row['id']} "))
        seen.add(row["id"])
        server = row["server"]
        assert f"queued at the server\t{told(server['start_s'] - row['sent_s'])}" in text
        assert f"being served\t{told(server['end_s'] - server['start_s'])}" in text
    assert seen == {row["id"] for row in rows}
    canvas.press("Escape")
    assert not figures.is_visible()


def test_every_attempt_at_a_request_can_be_stepped_to_and_says_what_the_server_did(open_report):
    page = open_report(COPING)
    canvas = panel(page, "threads").locator("canvas")
    texts = []
    for _ in trial_of(COPING, "threads")["requests"]:
        canvas.press("ArrowRight")
        texts.append(page.locator("#figures").inner_text())
    of_first = [text for text in texts if re.match("request 1[, ]", text)]
    assert [text.partition(" ·")[0] for text in of_first] == [
        "request 1", "request 1, attempt 2", "request 1, attempt 3"
    ]  # fmt: skip
    assert "refused: too many requests" in of_first[0]
    assert "refused: banned" in of_first[1]
    assert len(texts) == 13


def test_what_came_in_the_place_of_bodies_stays_text(open_report):
    whole = deepcopy(COPING)
    for trial in whole["trials"]:
        trial["causes"] = [HOSTILE if cause else None for cause in trial["causes"]]
    page = open_report(whole)
    page.locator(".instead summary").click()
    assert page.locator(".instead pre").first.inner_text() == f"2: {HOSTILE}\n4: {HOSTILE}"
    assert page.evaluate("window.harmed") is None


def test_a_traced_trial_shows_its_states_and_both_makespans(open_report):
    whole = deepcopy(WHOLE)
    untraced = trial_of(whole, "threads")
    traced = deepcopy(untraced) | {"traced": True, "order": 99, "makespan_s": untraced["makespan_s"] + 0.25}
    spans = [["running", 0.0, 0.2, False], ["gil", 0.2, 0.8, True], ["io", 0.8, 3.0, False]]
    lane = {"kind": "thread", "pid": samples.CLIENT_PID, "tid": 4242}
    lanes = [{**lane, "name": name, "spans": spans} for name in ("thread 1", f"resolver{HOSTILE}")]
    traced["trace"] = {"lanes": lanes, "gaps": [[1.0, 1.1]], "unseen": ["waiting for a core: no schedstat"]}
    whole["trials"].append(traced)
    page = open_report(whole)
    about = panel(page, "threads · traced").inner_text()
    assert f"{traced['makespan_s']:.2f} s traced · {untraced['makespan_s']:.2f} s untraced" in about
    assert "waiting for the GIL 1.20 s" in about
    assert "waiting for a core: no schedstat" in page.locator("#unseen").inner_text()
    texts = texts_at(page, "threads · traced", 0.5)
    states = [text for text in texts if "waiting for the GIL for 600.00 ms, 0.200 s to 0.800 s, derived" in text]
    assert any(text.startswith("request 1 ") for text in states)
    assert any(text.startswith(f"resolver{HOSTILE}, thread 4242") for text in states)


def test_zooming_in_spreads_the_axis_and_all_is_one_key_away(open_report):
    page = open_report(WHOLE)
    second_px = position_of(page, 1) - position_of(page, 0)
    canvas = panel(page, "sync").locator("canvas")
    canvas.press("+")
    page.wait_for_function("before => document.querySelector('#axis').innerHTML !== before", arg="")
    page.wait_for_timeout(100)
    assert position_of(page, 1) - position_of(page, 0) == pytest.approx(second_px * 1.6, rel=0.02)
    canvas.press("0")
    page.wait_for_timeout(100)
    assert position_of(page, 1) - position_of(page, 0) == pytest.approx(second_px, rel=0.02)


def test_a_double_click_spreads_one_trial_over_the_width(open_report):
    page = open_report(WHOLE)
    makespan_s = trial_of(WHOLE, "threads")["makespan_s"]
    box = panel(page, "threads").locator("canvas").bounding_box()
    page.mouse.dblclick(position_of(page, 1), box["y"] + 20)
    page.wait_for_timeout(100)
    assert position_of(page, makespan_s) == pytest.approx(box["x"] + box["width"], abs=box["width"] * 0.05)
    assert position_of(page, 0) < box["x"] + box["width"] * 0.3


def test_what_a_server_or_an_approach_said_stays_text(open_report):
    whole = deepcopy(WHOLE)
    trial = trial_of(whole, "threads")
    trial.update(outcome="failed", error=HOSTILE, last_lines=[HOSTILE])
    for row in trial["requests"]:
        row.update(error=HOSTILE, lane=f"{row['lane']}{HOSTILE}", status=500)
    for row in (trial, *(row for row in whole["summary"] if row["approach"] == "threads")):
        row["approach"] = HOSTILE
    page = open_report(whole)
    canvas = panel(page, HOSTILE).locator("canvas")
    canvas.press("ArrowRight")
    assert HOSTILE in page.locator("#figures").inner_text()
    assert HOSTILE in page.locator(".notice").inner_text()
    assert page.evaluate("window.harmed") is None
    assert page.locator("img").count() == 0


def test_a_script_that_got_in_all_the_same_would_not_run(browser, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(render(WHOLE).replace("</main>", "</main><script>window.harmed = true</script>"), "utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    assert page.evaluate("window.harmed") is None
    page.close()


def test_ten_thousand_requests_can_be_drawn_and_pointed_at(open_report):
    plan = samples.plan(["threads", "thread_pool"], requests=[10_000], workers=[50], delays_s=[0.05], limits=[100])
    whole = document(samples.comparison(plan))
    shown = pointed_at(open_report(whole), "thread_pool", 2.0)
    rows = trial_of(whole, "thread_pool")["requests"]
    near = {row["id"] for row in rows if row["start_s"] - 0.1 <= 2.0 <= row["end_s"] + 0.1}
    assert shown
    assert set(shown) <= near
