"""The default ports of `up`, `trace` and `load --ui` on this machine's 127.0.0.1."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress

from labkit.doctor.machine import Machine
from labkit.model.errors import MachineError
from labkit.model.finding import Finding, ok, warning
from labkit.system import runs
from labkit.system.ports import require_free

PLACE = 70
PORTS = {8000: "python lab.py up --port 8001", 8089: "python lab.py load --ui --port 8090"}


def probe(machine: Machine) -> Iterator[Finding]:  # noqa: ARG001 - probes are called alike
    up_port = _port_of_up()
    for port, remedy in PORTS.items():
        trouble = ""
        try:
            require_free(port, "")
        except MachineError as error:
            trouble = error.message
        yield judge_port(port, trouble, remedy, up=port == up_port)


def judge_port(port: int, trouble: str, remedy: str, *, up: bool) -> Finding:
    """`trouble` is why no server can listen there, "" if one can; `up`: the lab's own server listens there."""
    name = f"port_{port}"
    if not trouble:
        return ok(name, f"127.0.0.1:{port} is free", free=True)
    if up:
        return warning(name, f"{trouble}: the server from `lab.py up` uses it", "python lab.py down", free=False)
    return warning(name, trouble, remedy, free=False)


def _port_of_up() -> int | None:
    with suppress(OSError, ValueError, TypeError, KeyError):
        return int(json.loads(runs.UP_STATE.read_text("utf-8"))["port"])
    return None
