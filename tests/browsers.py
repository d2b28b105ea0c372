"""The system's Chromium, under whatever name."""

from __future__ import annotations

import shutil

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str | None:
    """Its path, or None."""
    return next((found for name in CHROMIUMS if (found := shutil.which(name))), None)
