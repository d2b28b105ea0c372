"""Differences as one JSON document, for programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from labkit.analysis.diff import Pair, Several, Side, family
from labkit.analysis.environment_diff import compare_environments
from labkit.output.page import Page
from labkit.reports.content.diff_rows import rows
from labkit.reports.content.diff_words import only_in

SCHEMA = "concurrency-lab/diff/1"


def render(found: Pair | Several, page: Page) -> str:  # noqa: ARG001 - a document is the same on every page
    """`environment` and `only_in` are of two results alone; a verdict is none, slower, faster, few or baseline."""
    sides = [found.first, found.second] if isinstance(found, Pair) else found.sides
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "least": found.least,
        "family": family(found.compared),
        "results": [_result(side) for side in sides],
        "rows": rows(found),
    }
    if isinstance(found, Pair):
        between = compare_environments(found.first.environment, found.second.environment)
        document["environment"] = [
            {"field": each.field, "before": each.before, "after": each.after} for each in between
        ]
        document["only_in"] = only_in(found)
    return json.dumps(document, indent=1, allow_nan=False)


def _result(side: Side) -> dict[str, Any]:
    return {
        "label": side.label,
        "id": side.id,
        "started_at": side.started_at,
        "environment": asdict(side.environment),
    }
