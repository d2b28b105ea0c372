"""Makes the screenshots of a report: the whole page, its timelines, and the timelines alone for slides.

    python docs/screenshots.py results/<id>/result.json docs/images

Needs Playwright's Python package and a Chromium on PATH. The report is opened from disk, without a network.
"""  # noqa: INP001 - a script, no package

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, FloatRect, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from labkit.reports.html import render

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDTHS = (1280, 1920)
SCHEMES = ("light", "dark")
MARGIN = 12


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the screenshots of a report.")
    parser.add_argument("result", type=Path, help="a result.json")
    parser.add_argument("folder", type=Path, help="where the pictures go")
    asked = parser.parse_args()
    chromium = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if chromium is None:
        print(f"none of {', '.join(BROWSERS)} is on PATH", file=sys.stderr)
        return 3
    asked.folder.mkdir(parents=True, exist_ok=True)
    # Chromium's own sandbox needs a user other than root.
    arguments = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        report = Path(scratch) / "report.html"
        report.write_text(render(json.loads(asked.result.read_text("utf-8"))), "utf-8")
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        for width in WIDTHS:
            for scheme in SCHEMES:
                _take(browser, report, asked.folder, width, scheme)
        browser.close()
    return 0


def _take(browser: Browser, report: Path, folder: Path, width: int, scheme: str) -> None:
    page = browser.new_page(
        viewport={"width": width, "height": width * 9 // 16}, color_scheme="dark" if scheme == "dark" else "light"
    )
    page.goto(report.as_uri())
    page.locator("#panels canvas").first.wait_for()
    page.screenshot(path=folder / f"report-{width}-{scheme}.png", full_page=True)
    timelines = page.locator("#timelines").bounding_box()
    assert timelines is not None
    clip = FloatRect(x=0, y=timelines["y"] - MARGIN, width=width, height=timelines["height"] + 2 * MARGIN)
    page.screenshot(path=folder / f"timelines-{width}-{scheme}.png", full_page=True, clip=clip)
    page.close()


if __name__ == "__main__":
    sys.exit(main())
