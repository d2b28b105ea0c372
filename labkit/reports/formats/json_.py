"""The report's document as JSON, for programs."""

from __future__ import annotations

import json

from labkit.output.page import Page
from labkit.reports import Report


def render(report: Report, page: Page) -> str:  # noqa: ARG001 - the document does not depend on the page
    """Render one JSON document. Raises ValueError for NaN and infinity, which JSON cannot express."""
    return json.dumps(report.document(), indent=1, allow_nan=False)
