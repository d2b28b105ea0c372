"""The report for a browser: one file that opens from disk."""

from __future__ import annotations

from typing import BinaryIO

from labkit.analysis.analyse import Analysis
from labkit.reports.html import render

FILE: str | None = "report.html"


def write(analysis: Analysis, to: BinaryIO) -> None:
    to.write(render(analysis).encode())
