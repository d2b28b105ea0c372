"""The result document itself, for programs."""

from __future__ import annotations

import json

from labkit.analysis.analyse import analyse
from labkit.model import Comparison
from labkit.output.page import Page
from labkit.results.document import document


def render(comparison: Comparison, page: Page) -> str:  # noqa: ARG001 - a document is the same on every page
    """One JSON document. Raises ValueError for a figure that is no number: JSON has none for it."""
    return json.dumps(document(analyse(comparison)), indent=1, allow_nan=False)
