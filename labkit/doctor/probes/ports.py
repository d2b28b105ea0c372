"""The ports that `up`, `trace` and `load --ui` take on this machine's 127.0.0.1 unless told otherwise."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress

from labkit.doctor.machine import Machine
from labkit.model.errors import MachineError
from labkit.model.finding import Finding, ok, warning
from labkit.system import checkout, runs
from labkit.system.ports import require_free

PLACE = 70
PORTS = {8000: "python lab.py up --port 8001", 8089: "python lab.py load --ui --port 8090"}


def probe(machine: Machine) -> Iterator[Finding]:
    ours = _port_of_up(machine)
    for port, instead in PORTS.items():
        try:
            require_free(port, "")
        except MachineError as error:
            yield judge_port(port, error.message, instead, up=port == ours)
        else:
            yield judge_port(port, "", instead, up=False)


def judge_port(port: int, trouble: str, instead: str, *, up: bool) -> Finding:
    """`trouble` is why nobody can listen there, "" if somebody can; `up`: the lab's own server may have it."""
    name = f"port_{port}"
    if not trouble:
        return ok(name, f"127.0.0.1:{port} is free", free=True)
    if up:
        return warning(name, f"{trouble}: the server from `lab.py up` has it", "python lab.py down", free=False)
    return warning(name, trouble, instead, free=False)


def _port_of_up(machine: Machine) -> int | None:
    with suppress(OSError, ValueError, TypeError, KeyError):
        return int(json.loads((machine.root / runs.UP_STATE.relative_to(checkout.ROOT)).read_text("utf-8"))["port"])
    return None
