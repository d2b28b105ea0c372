"""The report for a browser: one file that opens from disk."""

from __future__ import annotations

from typing import Any, BinaryIO

from labkit.reports.html import render

FILE: str | None = "report.html"


def write(document: dict[str, Any], to: BinaryIO) -> None:
    to.write(render(document).encode())
