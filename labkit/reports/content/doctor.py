"""The report of the doctor: one item per finding, with the remedy below it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from labkit.model.finding import Examination, Finding, Status
from labkit.output.format import plural, sanitize
from labkit.reports.blocks import Block, Item, Items, Paragraph, Tone

SCHEMA = "concurrency-lab/doctor/1"
TONES: dict[Status, Tone] = {Status.OK: "good", Status.WARNING: "warning", Status.FAILED: "bad"}
STATUS_WIDTH = max(map(len, Status))


@dataclass(frozen=True, slots=True)
class DoctorReport:
    """An examination of the machine."""

    examination: Examination

    def blocks(self) -> tuple[Block, ...]:
        return Items(tuple(map(_item, self.examination.findings))), Paragraph((verdict(self.examination),))

    def document(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "mode": "doctor",
            "at": self.examination.at.isoformat(),
            "ready": self.examination.ready,
            "findings": [
                {
                    "name": finding.name,
                    "status": finding.status,
                    "seen": finding.message,
                    "mend": finding.remedy or None,
                    "figures": dict(finding.readings),
                }
                for finding in self.examination.findings
            ],
        }

    def rows(self) -> list[dict[str, Any]]:
        findings = self.document()["findings"]
        return [finding | {"figures": json.dumps(finding["figures"], ensure_ascii=False)} for finding in findings]


def verdict(examination: Examination) -> str:
    """Conclude in one sentence whether the lab can run here."""
    warnings = sum(finding.status is Status.WARNING for finding in examination.findings)
    missing = [finding.name for finding in examination.findings if finding.status is Status.FAILED]
    if missing:
        return f"The lab cannot run here yet. Failed: {', '.join(missing)}."
    more = f"; {plural(warnings, 'warning')}" if warnings else ""
    return f"The lab can run here{more}."


def _item(finding: Finding) -> Item:
    label = f"{finding.status:<{STATUS_WIDTH}}  {finding.name}"
    return Item(sanitize(finding.message), TONES[finding.status], label, action=sanitize(finding.remedy))
