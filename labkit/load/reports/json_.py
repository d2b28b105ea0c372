"""The result document itself, for programs."""

from __future__ import annotations

import json

from labkit.model.load import LoadRun
from labkit.output.page import Page
from labkit.results.load_document import document


def render(run: LoadRun, page: Page) -> str:  # noqa: ARG001 - a document is the same on every page
    """One JSON document. Raises ValueError for a figure that is no number: JSON has none for it."""
    return json.dumps(document(run), indent=1, allow_nan=False)
