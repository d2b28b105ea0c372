"""Make pictures of a report: its timelines, and the whole page in both themes and on two screens.

    python docs/screenshots.py RESULT FOLDER

Needs a browser on PATH, and Playwright's Python package (requirements/test.txt). docs/timelines.png and docs/traced.png
are the timelines of a default comparison and of one with ``--trace --handle-ms 50``.
"""  # noqa: INP001 - a script, no package

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from labkit.analysis.analyse import analyse
from labkit.model import Comparison
from labkit.model.errors import LabError
from labkit.reports.files import load
from labkit.reports.html import render
from labkit.results.read import read
from labkit.system import browser

WIDTHS = (1280, 1920)


def main() -> int:
    parser = argparse.ArgumentParser(description="Make pictures of a report.")
    parser.add_argument("result", type=Path, help="a results folder, or its result.json")
    parser.add_argument("folder", type=Path, help="the folder for the pictures")
    options = parser.parse_args()
    try:
        comparison = read(options.result)
        if not isinstance(comparison, Comparison):
            parser.error("a load has no timelines")
        options.folder.mkdir(parents=True, exist_ok=True)
        with (options.folder / "timelines.png").open("wb") as file:
            load("png").write(analyse(comparison), file)
        _take_pages(render(analyse(comparison)), options.folder)
    except LabError as error:
        print(error.message, error.hint, sep="\n", file=sys.stderr)
        return error.exit_code
    return 0


def _take_pages(text: str, folder: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        report = Path(scratch) / "report.html"
        report.write_text(text, "utf-8")
        running = playwright.chromium.launch(executable_path=browser.find(), args=browser.sandbox_options())
        for width in WIDTHS:
            for scheme in ("light", "dark"):
                page = running.new_page(viewport={"width": width, "height": width * 9 // 16})
                page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
                page.goto(report.as_uri())
                page.screenshot(path=folder / f"report-{width}-{scheme}.png", full_page=True)
                page.close()
        running.close()


if __name__ == "__main__":
    sys.exit(main())
