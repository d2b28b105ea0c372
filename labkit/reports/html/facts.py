"""What the page says of where and how it was measured, from the result document; the template escapes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labkit.model import BASELINE
from labkit.output.format import NOT_MEASURED, sanitize, shorten
from labkit.reports.html.points import heading, point_in


def particulars(document: dict[str, Any]) -> dict[str, Any]:
    """Environment, checks, warnings, agreement with the baseline, and the command that makes this again."""
    environment = document["environment"]
    memory = environment["memory_bytes"]
    named = {**environment, "memory_bytes": f"{memory / 1e9:.1f} GB" if memory else None, "seed": document["seed"]}
    plain = [
        (name.replace("_bytes", "").replace("_", " "), NOT_MEASURED if value is None else sanitize(str(value)))
        for name, value in named.items()
        if not isinstance(value, dict)
    ]
    return {
        "environment": plain,
        "packages": _pairs(environment["packages"]),
        "images": _pairs(environment["images"]),
        "warnings": [
            (shorten(each["message"]), "\n".join(map(sanitize, each["hint"].splitlines())))
            for each in document["warnings"]
        ],
        "checks": [_checks(trial) for trial in document["trials"]],
        "trouble": [_trouble(trial) for trial in document["trials"] if trial["outcome"] != "ok"],
        "agreement": [_agreement(each) for each in document["agreement"]],
        "command": sanitize(document["command"]),
    }


def _pairs(of: dict[str, str]) -> list[tuple[str, str]]:
    return [(sanitize(name), sanitize(value)) for name, value in sorted(of.items())]


def _named(trial: dict[str, Any]) -> str:
    return sanitize(f"{trial['approach']}, trial {trial['order']}{', traced' if trial['traced'] else ''}")


def _checks(trial: dict[str, Any]) -> dict[str, Any]:
    mark: Callable[[bool | None], str] = {True: "held", False: "failed", None: "not told"}.__getitem__
    checks = [(sanitize(check["name"]), mark(check["ok"]), shorten(check["detail"])) for check in trial["checks"]]
    return {"trial": _named(trial), "checks": checks, "failed": [each for each in checks if each[1] == "failed"]}


def _trouble(trial: dict[str, Any]) -> dict[str, Any]:
    said = f"{_named(trial)}: {trial['outcome']}" + (f": {trial['error']}" if trial["error"] else "")
    return {"text": shorten(said), "lines": [shorten(line) for line in trial["last_lines"]]}


def _agreement(each: dict[str, Any]) -> list[str]:
    told = [f"{each[name][by]:.3f}" for name in ("asyncio_semaphore", BASELINE) for by in ("client_s", "server_s")]
    return [
        heading(point_in(each)),
        each["figure"],
        *told,
        "yes" if each["ok"] else f"no: the log supports {each['supported']}",
    ]
