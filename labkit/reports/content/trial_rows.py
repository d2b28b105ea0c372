"""The trials of a result document as records with equal fields, for CSV."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

# Raw rows and texts have no place in a record. The server's behaviour follows from the scenario and the seed.
LEFT_OUT = {
    *("requests", "unmatched", "answers", "causes", "samples", "trace"),
    *("errors", "seconds", "last_lines", "checks"),
}


def trial_rows(document: dict[str, Any], common: Sequence[str], nested: Mapping[str, type]) -> list[dict[str, Any]]:
    """Return one record per trial: the `common` fields of the document, the trial's own, and its failed checks.

    `nested` maps fields that may be None to the dataclass that names their parts.
    """
    head = {name: document[name] for name in common} | {"environment.runtime": document["environment"]["runtime"]}
    return [head | _record(trial, nested) for trial in document["trials"]]


def _record(trial: dict[str, Any], nested: Mapping[str, type]) -> dict[str, Any]:
    record = {name: value for name, value in trial.items() if name not in LEFT_OUT}
    record["server"] = {name: value for name, value in trial["server"].items() if name != "behaviour"}
    if "failed_by_cause" in record:
        record["failed_by_cause"] = json.dumps(record["failed_by_cause"], ensure_ascii=False)
    for name, kind in nested.items():
        record[name] = record[name] or dict.fromkeys(field.name for field in fields(kind))
    record["checks_failed"] = " ".join(check["name"] for check in trial["checks"] if check["ok"] is False)
    return record
