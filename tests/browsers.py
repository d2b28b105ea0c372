"""The system's Chromium, under any of its usual names."""

from __future__ import annotations

import shutil

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str | None:
    """The path of the first Chromium on PATH, or None."""
    return next((found for name in CHROMIUMS if (found := shutil.which(name))), None)
