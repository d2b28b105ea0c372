"""report.html in a browser: it opens from disk without a network, and its pictures show the rows of the comparison."""

from __future__ import annotations

import re
import struct
from base64 import b64encode
from collections import Counter
from dataclasses import replace
from io import BytesIO
from xml.etree import ElementTree as ET

import pytest
from playwright import sync_api as playwright

from labkit.analysis.analyse import analyse
from labkit.model import LaneRow, Span, Trace
from labkit.reports import files
from labkit.reports.html import render
from tests import samples
from tests.browsers import chromium, sandbox_options

pytestmark = pytest.mark.browser

WHOLE = samples.comparison()
COPING = samples.comparison(samples.of_scenario("rate-limit", requests=[9]), samples.coping_trial)
REPEATED = samples.troubled_comparison(repeat=2)
HOSTILE = "</script><script>window.harmed = true</script><img src=x onerror='window.harmed = true'>"
STEP_PX = 6
SVG = "{http://www.w3.org/2000/svg}"
HEADING = "9 requests · 3 sync workers · 1 s delay · limit 3"


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=chromium(), args=sandbox_options())
        yield running
        running.close()


@pytest.fixture
def open_report(browser, tmp_path):
    """Opens a report from disk. A message of the page, or a request for another file, fails the test."""
    messages, requested, pages = [], [], []

    def opened(comparison, **options):
        path = tmp_path / "report.html"
        path.write_text(render(analyse(comparison)), "utf-8")
        page = browser.new_page(viewport={"width": 1280, "height": 900}, **options)
        pages.append(page)
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.on("request", lambda request: requested.append(request.url))
        page.goto(path.as_uri())
        return page

    yield opened
    for page in pages:
        page.close()
    assert messages == []
    assert [
        url for url in requested if not url.startswith(("data:", "blob:")) and not url.endswith("/report.html")
    ] == []


def panel(page, approach):
    """The timeline of one approach, scrolled into view."""
    found = page.locator(".panel").filter(has=page.get_by_role("heading", name=approach, exact=True))
    found.evaluate("element => element.scrollIntoView({block: 'center'})")
    # Before the next frame the browser may still look for the pointer at the old place.
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return found


def position_of(page, moment_s):
    """The horizontal position of a moment, read from the axis."""
    page.locator("#axis .tick").first.wait_for(state="attached")
    places = "ticks => ticks.map(tick => [tick.textContent, tick.querySelector('line').getBoundingClientRect().x])"
    ticks = page.locator("#axis .tick").evaluate_all(places)
    found = sorted((float(text.removesuffix(" s").replace("−", "-")), x) for text, x in ticks)
    (one, at_one), (other, at_other) = found[0], found[-1]
    return at_one + (moment_s - one) * (at_other - at_one) / (other - one)


def requests_at(page, approach, moment_s):
    """The details that pointing at each height of a timeline shows at a moment, by the id of the request."""
    return {int(re.match(r"request (\d+)", text).group(1)): text for text in details_at(page, approach, moment_s)}


def details_at(page, approach, moment_s):
    """The details that pointing at each height of a timeline shows at a moment."""
    box = panel(page, approach).locator("canvas").bounding_box()
    x = position_of(page, moment_s)
    shown = []
    for y in range(int(box["y"]) + 1, int(box["y"] + box["height"]), STEP_PX):
        page.mouse.move(x, y)
        details = page.locator("#details")
        if details.is_visible():
            shown.append(details.inner_text())
    return shown


def trial_of(comparison, approach):
    trials = (checked.trial for checked in comparison.trials)
    return next(trial for trial in trials if trial.planned.approach == approach and not trial.planned.traced)


def duration(seconds):
    return f"{seconds:.3f} s" if seconds >= 0.9995 else f"{seconds * 1000:.2f} ms"


def with_trial(comparison, changed):
    """`comparison`, with `changed` in place of the trial with the same order."""
    trials = (
        replace(checked, trial=changed) if checked.trial.planned.order == changed.planned.order else checked
        for checked in comparison.trials
    )
    return replace(comparison, trials=tuple(trials))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("comparison", [WHOLE, REPEATED, COPING], ids=["whole", "repeated", "coping"])
def test_it_opens_from_disk_without_a_network_or_a_message(open_report, comparison, scheme):
    page = open_report(comparison, color_scheme=scheme)
    assert page.locator("html").get_attribute("data-theme") == scheme
    for approach in comparison.plan.approaches:
        assert page.locator(".sentences dt", has_text=re.compile(f"^{approach}$")).count() >= 1
    page.locator("#theme").click()
    assert page.locator("html").get_attribute("data-theme") != scheme


@pytest.mark.slow
@pytest.mark.parametrize("approach", ["sync", "threads", "asyncio_semaphore"])
@pytest.mark.parametrize("moment_s", [0.5, 1.5, 2.5])
def test_pointing_at_a_moment_shows_the_requests_in_flight(open_report, approach, moment_s):
    rows = trial_of(WHOLE, approach).requests
    shown = requests_at(open_report(WHOLE), approach, moment_s)
    assert set(shown) == {row.id for row in rows if row.start_s <= moment_s <= row.end_s}
    for row in rows:
        if row.id in shown:
            assert f"{row.lane}, process {row.pid}" in shown[row.id]
            assert duration(row.end_s - row.start_s) in shown[row.id]
            assert f"worker {row.server.worker}" in shown[row.id]


def test_the_keys_step_through_the_requests_and_show_their_phases(open_report):
    page = open_report(WHOLE)
    canvas = panel(page, "threads").locator("canvas")
    canvas.focus()
    details = page.locator("#details")
    rows = sorted(trial_of(WHOLE, "threads").requests, key=lambda row: row.start_s)
    seen = set()
    for _ in rows:
        canvas.press("ArrowRight")
        text = details.inner_text()
        row = next(row for row in rows if text.startswith(f"request {row.id} "))
        seen.add(row.id)
        assert f"queued at the server\t{duration(row.server.start_s - row.sent_s)}" in text
        assert f"being served\t{duration(row.server.end_s - row.server.start_s)}" in text
    assert seen == {row.id for row in rows}
    canvas.press("Escape")
    assert not details.is_visible()


def test_the_keys_step_through_all_attempts_and_show_the_actions_of_the_server(open_report):
    page = open_report(COPING)
    canvas = panel(page, "threads").locator("canvas")
    texts = []
    for _ in trial_of(COPING, "threads").requests:
        canvas.press("ArrowRight")
        texts.append(page.locator("#details").inner_text())
    of_first = [text for text in texts if re.match("request 1[, ]", text)]
    names = ["request 1", "request 1, attempt 2", "request 1, attempt 3"]
    assert [text.partition(" ·")[0] for text in of_first] == names
    assert "refused: too many requests" in of_first[0]
    assert "refused: banned" in of_first[1]
    assert len(texts) == 13


def test_exceptions_in_place_of_bodies_stay_text(open_report):
    trial = trial_of(COPING, "sync")
    hostile = replace(trial, causes=tuple(HOSTILE if cause else None for cause in trial.causes))
    page = open_report(with_trial(COPING, hostile))
    page.locator(".causes summary").click()
    assert page.locator(".causes pre").first.inner_text().strip() == f"2: {HOSTILE}\n4: {HOSTILE}"
    assert page.evaluate("window.harmed") is None


def with_traced_trial():
    """`WHOLE` with a traced trial of `threads` that took a quarter of a second longer."""
    untraced = trial_of(WHOLE, "threads")
    spans = (Span("running", 0.0, 0.2), Span("gil", 0.2, 0.8, derived=True), Span("io", 0.8, 3.0))
    names = ("thread 1", f"resolver{HOSTILE}")
    lanes = tuple(LaneRow("thread", samples.CLIENT_PID, 4242, name, spans) for name in names)
    traced = replace(
        untraced,
        planned=replace(untraced.planned, traced=True, order=99),
        makespan_s=untraced.makespan_s + 0.25,
        trace=Trace(lanes, ((1.0, 1.1),), ("waiting for a core: no schedstat",)),
    )
    return replace(WHOLE, trials=(*WHOLE.trials, samples.checked(traced)))


def test_a_traced_trial_shows_its_states_and_both_makespans(open_report):
    makespan_s = trial_of(WHOLE, "threads").makespan_s
    page = open_report(with_traced_trial())
    about = panel(page, "threads · traced").inner_text()
    assert f"{makespan_s + 0.25:.2f} s traced · {makespan_s:.2f} s untraced" in about
    assert "waiting for the GIL 1.20 s" in about
    assert "waiting for a core: no schedstat" in page.locator("#unseen").inner_text()
    texts = details_at(page, "threads · traced", 0.5)
    states = [text for text in texts if "waiting for the GIL for 600.00 ms, 0.200 s to 0.800 s, derived" in text]
    assert any(text.startswith("request 1 ") for text in states)
    assert any(text.startswith(f"resolver{HOSTILE}, thread 4242") for text in states)


def test_zooming_in_spreads_the_axis_and_one_key_shows_everything_again(open_report):
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
    makespan_s = trial_of(WHOLE, "threads").makespan_s
    box = panel(page, "threads").locator("canvas").bounding_box()
    page.mouse.dblclick(position_of(page, 1), box["y"] + 20)
    page.wait_for_timeout(100)
    assert position_of(page, makespan_s) == pytest.approx(box["x"] + box["width"], abs=box["width"] * 0.05)
    assert position_of(page, 0) < box["x"] + box["width"] * 0.3


def hostile_comparison():
    """A comparison in which `threads`, its lanes, its errors and its output are hostile."""
    trial = trial_of(WHOLE, "threads")
    rows = tuple(replace(row, error=HOSTILE, lane=f"{row.lane}{HOSTILE}", status=500) for row in trial.requests)
    hostile = replace(
        trial,
        planned=replace(trial.planned, approach=HOSTILE),
        outcome="failed",
        error=HOSTILE,
        last_lines=(HOSTILE,),
        requests=rows,
    )
    names = tuple(HOSTILE if name == "threads" else name for name in WHOLE.plan.approaches)
    return replace(with_trial(WHOLE, hostile), plan=replace(WHOLE.plan, approaches=names))


def test_text_from_a_server_or_an_approach_stays_text(open_report):
    page = open_report(hostile_comparison())
    canvas = panel(page, HOSTILE).locator("canvas")
    canvas.press("ArrowRight")
    assert HOSTILE in page.locator("#details").inner_text()
    assert HOSTILE in page.locator(".notice").inner_text()
    assert page.evaluate("window.harmed") is None
    assert page.locator("img").count() == 0


def test_a_foreign_script_does_not_run(browser, tmp_path):
    path = tmp_path / "report.html"
    text = render(analyse(WHOLE)).replace("</main>", "</main><script>window.harmed = true</script>")
    path.write_text(text, "utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    assert page.evaluate("window.harmed") is None
    page.close()


@pytest.mark.slow
def test_ten_thousand_requests_can_be_drawn_and_pointed_at(open_report):
    plan = samples.plan(["threads", "thread_pool"], requests=[10_000], workers=[50], delays_s=[0.05], limits=[100])
    comparison = samples.comparison(plan)
    shown = requests_at(open_report(comparison), "thread_pool", 2.0)
    rows = trial_of(comparison, "thread_pool").requests
    near = {row.id for row in rows if row.start_s - 0.1 <= 2.0 <= row.end_s + 0.1}
    assert shown
    assert set(shown) <= near


# Saved pictures.


def saved(page, holder, kind):
    """The file that a click on a button of `holder` downloads, and its name."""
    with page.expect_download() as download:
        holder.get_by_text(re.compile(f"^Save (all )?as {kind}$")).click()
    return download.value.path().read_bytes(), download.value.suggested_filename


def png_size(content):
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", content[16:24])


def svg_size(root):
    return int(root.get("width")), int(root.get("height"))


def texts_of(root):
    return ["".join(element.itertext()) for element in root.iter(f"{SVG}text")]


def assert_stands_alone(root):
    """No style sheet, no script, no link, no class: the file looks the same in every program."""
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg", "g", "rect", "path", "line", "circle", "text", "title", "clipPath"
    }  # fmt: skip
    for element in root.iter():
        assert {"style", "class", "href"} & set(element.keys()) == set()
        assert not any("var(" in value for value in element.attrib.values())


def test_every_chart_and_every_timeline_has_both_buttons(open_report):
    page = open_report(REPEATED)
    charts = page.locator("main figure svg, main #grid svg").count()
    timelines = page.locator("#panels canvas").count()
    for kind in ("PNG", "SVG"):
        assert page.get_by_text(re.compile(f"^Save as {kind}$")).count() == charts + timelines
        assert page.get_by_text(re.compile(f"^Save all as {kind}$")).count() == 1
    assert charts == 1 + 2 * 3 + 2 * timelines  # the grid, two per configuration, two per timeline


@pytest.mark.slow
@pytest.mark.parametrize("approach", ["sync", "threads"])
def test_a_saved_timeline_has_its_title_and_the_bars_of_the_page(open_report, approach):
    page = open_report(WHOLE)
    content, name = saved(page, panel(page, approach), "SVG")
    assert name == f"{approach}-timeline.svg"
    root = ET.fromstring(content)
    assert_stands_alone(root)
    texts = texts_of(root)
    assert texts[0] == f"{approach}: {HEADING}"
    assert {"being served", "queued at the server", "makespan", "ideal"} <= set(texts)
    trial = trial_of(WHOLE, approach)
    # Each request has one bar in its lane and one in its worker, both with its id.
    ids = Counter(text for text in texts if text.isdigit())
    assert ids == {str(row.id): 2 for row in trial.requests}
    served = page.evaluate("lab.colours.served")
    bars = [rect for rect in root.iter(f"{SVG}rect") if rect.get("fill") == served]
    assert len(bars) == 2 * len(trial.requests) + 1  # and one in the legend


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "scheme"),
    [
        ("#grid", "light"),
        (".makespans >> nth=0", "dark"),
        (".distribution >> nth=0", "light"),
        (".panel >> nth=0", "dark"),
        ("#save-all", "light"),
        (".card >> nth=0", "dark"),
    ],
)
def test_a_png_is_twice_as_large_as_the_picture(open_report, place, scheme):
    page = open_report(REPEATED, color_scheme=scheme)
    root = ET.fromstring(saved(page, page.locator(place), "SVG")[0])
    content, name = saved(page, page.locator(place), "PNG")
    assert name.endswith(".png")
    assert png_size(content) == tuple(2 * side for side in svg_size(root))
    ground = next(root.iter(f"{SVG}rect"))
    assert ground.get("fill") == page.evaluate("lab.colours.paper")
    assert (ground.get("width"), ground.get("height")) == (root.get("width"), root.get("height"))


@pytest.mark.slow
@pytest.mark.parametrize("place", ["#grid", ".makespans >> nth=0", ".distribution >> nth=0", "#memory .card >> nth=1"])
def test_a_saved_chart_has_the_shapes_of_the_page_with_a_title_and_a_legend(open_report, place):
    page = open_report(REPEATED)
    chart = page.locator(place)
    root = ET.fromstring(saved(page, chart, "SVG")[0])
    assert_stands_alone(root)
    shown = Counter(chart.locator("svg").evaluate("svg => [...svg.querySelectorAll('*')].map(each => each.tagName)"))
    copied = Counter(element.tag.removeprefix(SVG) for element in list(root)[1][-1].iter())
    assert copied["rect"] == shown["rect"]
    assert copied["circle"] == shown["circle"]
    assert set(
        chart.locator("svg").evaluate("svg => [...svg.querySelectorAll('text')].map(t => t.textContent)")
    ) <= set(texts_of(root))
    assert REPEATED.id in " ".join(texts_of(root))
    width, height = svg_size(root)
    for rect in root.iter(f"{SVG}rect"):
        assert float(rect.get("width")) <= width
        assert float(rect.get("height")) <= height


def test_the_saved_timelines_are_all_of_the_page_as_it_is_zoomed(open_report):
    page = open_report(WHOLE)
    texts = texts_of(ET.fromstring(saved(page, page.locator("#save-all"), "SVG")[0]))
    assert set(WHOLE.plan.approaches) <= set(texts)
    assert "9 s" in texts
    box = panel(page, "threads").locator("canvas").bounding_box()
    page.mouse.dblclick(position_of(page, 1), box["y"] + 20)
    page.wait_for_timeout(100)
    assert "9 s" not in texts_of(ET.fromstring(saved(page, page.locator("#save-all"), "SVG")[0]))


def test_a_traced_timeline_is_saved_with_its_states(open_report):
    page = open_report(with_traced_trial())
    root = ET.fromstring(saved(page, panel(page, "threads · traced"), "SVG")[0])
    assert_stands_alone(root)
    assert {"waiting for the GIL", "not sampled"} <= set(texts_of(root))
    assert page.evaluate("window.harmed") is None


def test_hostile_text_stays_text_in_a_saved_picture(open_report):
    page = open_report(hostile_comparison())
    root = ET.fromstring(saved(page, panel(page, HOSTILE), "SVG")[0])
    assert_stands_alone(root)
    assert "window.harmed" in " ".join(texts_of(root))


@pytest.mark.slow
def test_ten_thousand_requests_make_a_file_of_the_size_of_a_screen(open_report):
    plan = samples.plan(["threads"], requests=[10_000], workers=[50], delays_s=[0.05])
    page = open_report(samples.comparison(plan))
    content, _ = saved(page, page.locator(".panel"), "SVG")
    assert len(content) < 2_000_000
    assert svg_size(ET.fromstring(content))[1] < 900


def test_the_format_png_is_the_picture_that_the_page_saves(open_report):
    to = BytesIO()
    files.load("png").write(analyse(WHOLE), to)
    page = open_report(WHOLE)
    content, _ = saved(page, page.locator("#save-all"), "PNG")
    assert png_size(to.getvalue()) == png_size(content)
    same = """async pictures => {
      const pixels = await Promise.all(pictures.map(async picture => {
        const image = new Image();
        image.src = `data:image/png;base64,${picture}`;
        await image.decode();
        const canvas = new OffscreenCanvas(image.width, image.height);
        canvas.getContext("2d").drawImage(image, 0, 0);
        return canvas.getContext("2d").getImageData(0, 0, image.width, image.height).data;
      }));
      return pixels[0].filter((value, at) => value !== pixels[1][at]).length / pixels[0].length;
    }"""
    assert page.evaluate(same, [b64encode(each).decode() for each in (to.getvalue(), content)]) < 0.001
