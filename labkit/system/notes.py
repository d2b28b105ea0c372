"""Notes: lines on standard error about work in progress."""

from __future__ import annotations

import sys


def note(text: str) -> None:
    print(f"lab.py: {text}", file=sys.stderr, flush=True)
