"""The document, for programs."""

from __future__ import annotations

import json

from labkit.model.finding import Examination
from labkit.output.page import Page

SCHEMA = "concurrency-lab/doctor/1"


def render(examination: Examination, page: Page) -> str:  # noqa: ARG001 - a document is the same on every page
    """One JSON document."""
    findings = [
        {
            "name": finding.name,
            "status": finding.status,
            "seen": finding.message,
            "mend": finding.remedy or None,
            "figures": dict(finding.readings),
        }
        for finding in examination.findings
    ]
    document = {
        "schema": SCHEMA,
        "mode": "doctor",
        "at": examination.at.isoformat(),
        "ready": examination.ready,
        "findings": findings,
    }
    return json.dumps(document, indent=1, allow_nan=False)
