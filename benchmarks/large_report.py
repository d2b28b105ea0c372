"""How long a report of 10,000 requests takes to open, and how smoothly it scrolls and zooms, in headless Chromium.

Run it as ``python benchmarks/large_report.py`` with what ``requirements/test.txt`` pins and a Chromium. A comparison of
one trial is measured once (10,000 requests at once, 2 gevent workers, 0.1 s); its report is opened 5 times from disk.
Open is the time from asking for the file until the first frame after everything was drawn. Then the page is scrolled
from its top to its end in 60 steps, and the first timeline is zoomed by 30 turns of the wheel; a frame's time is that
between two calls of requestAnimationFrame. The display is software-rendered, which a person's is not.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from _lab import compare, middle, show
from playwright import sync_api as playwright

from labkit.reports.html import render
from tests.browsers import chromium

OPENINGS = 5
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


def main() -> None:
    document, _ = compare(
        *("asyncio_gather", "--requests", "10000", "--delay", "0.1", "--worker-class", "gevent"),
        *("--workers", "2", "--runtime", "local"),
    )
    text = render(document)
    rows = sum(len(trial["requests"]) for trial in document["trials"])
    print(f"{rows} requests, {len(text.encode()) / 1e6:.2f} MB")
    with TemporaryDirectory() as folder, playwright.sync_playwright() as started:
        path = Path(folder, "report.html")
        path.write_text(text, "utf-8")
        browser = started.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        opened, scrolled, zoomed = [], [], []
        for _ in range(OPENINGS):
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            began = perf_counter()
            page.goto(path.as_uri())
            page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
            opened.append(perf_counter() - began)
            scrolled += page.evaluate(FRAMES, {"steps": 60, "act": SCROLL})
            page.locator("#panels canvas").first.evaluate("each => each.scrollIntoView({block: 'center'})")
            zoomed += page.evaluate(FRAMES, {"steps": 30, "act": ZOOM})
            page.close()
        browser.close()
    show("open, s: median", middle(opened), 3.0, at_least=False)
    show("open, s: at most", max(opened), 3.0, at_least=False)
    for what, frames in (("scroll", scrolled), ("zoom", zoomed)):
        ordered = sorted(frames)
        print(f"{what}: a frame's median {middle(frames):.0f} ms, 95 % {ordered[int(len(ordered) * 0.95)]:.0f} ms")


if __name__ == "__main__":
    main()
