"""The folders of the checkout that this lab runs from."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".lab"  # locks, logs and caches, ignored by git
