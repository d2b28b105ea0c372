"""Opening, scrolling and zooming the report of one trial of 10,000 requests.

The report is opened 5 times from disk in headless Chromium without a graphics processor. Opening takes from the
navigation to the first frame after everything is drawn. Then the page scrolls from top to end in 60 steps, and 30
turns of the wheel zoom the first timeline; the time of a frame is that between two calls of `requestAnimationFrame`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from benchmarks.support.lab import running
from benchmarks.support.model import MEASURED, Bound, Column, Figure, Report, Row, Table, median_of
from labkit.analysis.statistics import percentile
from labkit.system import browser

TITLE = "A report of 10,000 requests"
NEEDS = ("Chromium",)
PARTS_NEED = ()
_OPEN = Bound(at_most=3.0)
_LONGEST, _SCROLL_P95, _ZOOM_P95 = "opening, longest", "scrolling, per frame: p95", "zooming, per frame: p95"
TABLES = (
    Table(
        "figure",
        (Column(MEASURED),),
        (
            Row("size of the report", "MB"),
            Row("opening", "s", _OPEN),
            Row(_LONGEST, "s", _OPEN),
            Row("scrolling, per frame", "ms"),
            Row(_SCROLL_P95, "ms"),
            Row("zooming, per frame", "ms"),
            Row(_ZOOM_P95, "ms"),
        ),
    ),
)
FRAMES = """
async ({steps, act}) => {
  const step = new Function("i", act), times = [];
  let last = performance.now();
  for (let i = 0; i < steps; i++) {
    step(i);
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    times.push(now - last);
    last = now;
  }
  return times;
}
"""
SCROLL = "scrollTo(0, (document.documentElement.scrollHeight - innerHeight) * i / 59)"
ZOOM = """
const canvas = document.querySelector("#panels canvas"), box = canvas.getBoundingClientRect();
canvas.dispatchEvent(new WheelEvent("wheel", {deltaY: i < 15 ? -120 : 120, ctrlKey: true, bubbles: true,
  cancelable: true, clientX: box.x + box.width / 2, clientY: box.y + 40}));
"""
DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


@dataclass(frozen=True, slots=True)
class Size:
    requests: int
    openings: int


FULL = Size(requests=10_000, openings=5)
SMOKE = Size(requests=20, openings=1)


def run(size: Size) -> Report:
    load = ("--requests", str(size.requests), "--delay", "0.1", "--worker-class", "gevent", "--workers", "2")
    with running("compare", "asyncio_gather", "--no-baseline", *load, "--runtime", "local") as comparison:
        page = comparison.folder / "report.html"
        opened_s, scrolled_ms, zoomed_ms = _open(page, size.openings)
        size_mb = page.stat().st_size / 1e6
    return Report(
        (
            Figure("size of the report", MEASURED, size_mb),
            median_of("opening", MEASURED, opened_s),
            Figure(_LONGEST, MEASURED, max(opened_s)),
            median_of("scrolling, per frame", MEASURED, scrolled_ms),
            Figure(_SCROLL_P95, MEASURED, percentile(scrolled_ms, 95)),
            median_of("zooming, per frame", MEASURED, zoomed_ms),
            Figure(_ZOOM_P95, MEASURED, percentile(zoomed_ms, 95)),
        )
    )


def _open(path: Path, openings: int) -> tuple[list[float], list[float], list[float]]:
    """The seconds of each opening, and the milliseconds of each frame of scrolling and zooming."""
    from playwright import sync_api  # noqa: PLC0415 - only the test requirements have it

    opened_s, scrolled_ms, zoomed_ms = [], [], []
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser.find(), args=browser.sandbox_options())
        for _ in range(openings):
            page = chromium.new_page(viewport={"width": 1280, "height": 900})
            began = perf_counter()
            page.goto(path.as_uri())
            page.evaluate(DRAWN)
            opened_s.append(perf_counter() - began)
            scrolled_ms += page.evaluate(FRAMES, {"steps": 60, "act": SCROLL})
            page.locator("#panels canvas").first.evaluate("each => each.scrollIntoView({block: 'center'})")
            zoomed_ms += page.evaluate(FRAMES, {"steps": 30, "act": ZOOM})
            page.close()
        chromium.close()
    return opened_s, scrolled_ms, zoomed_ms
