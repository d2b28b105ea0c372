"""The timelines as a picture for slides: the picture that report.html saves, taken by a browser without a window."""

from __future__ import annotations

import re
from base64 import b64decode
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from labkit.analysis.analyse import Analysis
from labkit.model.errors import MachineError
from labkit.reports.html import render
from labkit.system import browser

FILE: str | None = "timeline.png"
# With this fragment in its address, report.html replaces itself with the picture of its timelines.
FRAGMENT = "#picture"
PICTURE = re.compile(r'<img src="data:image/png;base64,([A-Za-z0-9+/=]+)"')


def write(analysis: Analysis, to: BinaryIO) -> None:
    """Write a PNG picture. Raises `MachineError` without a browser on PATH, or if it makes no picture."""
    with TemporaryDirectory(prefix="concurrency-lab-") as folder:
        page = Path(folder, "report.html")
        page.write_text(render(analysis), "utf-8")
        picture = PICTURE.search(browser.load(page.as_uri() + FRAGMENT))
    if picture is None:
        raise MachineError("the browser made no picture of the timelines", browser.INSTEAD)
    to.write(b64decode(picture[1]))
