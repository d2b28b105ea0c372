"""The system's Chromium, or a browser that takes the same options, for Playwright."""

from __future__ import annotations

from labkit.system.browser import NAMES as CHROMIUMS
from labkit.system.browser import find as chromium
from labkit.system.browser import sandbox_options

__all__ = ["CHROMIUMS", "chromium", "sandbox_options"]
