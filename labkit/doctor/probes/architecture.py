"""Instruction sets of the machine, the engine and the image: emulated code is several times slower."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator

from labkit.doctor.machine import Machine
from labkit.model.finding import Finding, ok, warning
from labkit.system import command

PLACE = 50
_SAME = {"amd64": "x86_64", "x64": "x86_64", "arm64": "aarch64", "armv8l": "aarch64", "i386": "x86", "i686": "x86"}


def probe(machine: Machine) -> Iterator[Finding]:
    info = machine.engine.info
    yield judge_architecture(
        python=platform.machine(),
        machine=_machine(machine.system),
        engine=str(info["Architecture"]) if "Architecture" in info else None,
        image=machine.image.architecture if machine.image else None,
        tag=machine.image_tag,
        local_engine=machine.engine.is_local,
    )


def judge_architecture(
    *, python: str, machine: str, engine: str | None, image: str | None, tag: str, local_engine: bool
) -> Finding:
    """Each name is the one that its own system uses. A remote engine may differ from the machine, an image may not."""
    python, machine = normalize(python), normalize(machine)
    engine, image = (normalize(each) if each else None for each in (engine, image))
    readings = {"python": python, "machine": machine, "engine": engine, "image": image}
    name = "architecture"
    if python != machine:
        message = f"this Python is for {python}, and the machine is {machine}: it runs under emulation"
        return warning(name, message, f"Start lab.py with a Python for {machine}.", **readings)
    if image is not None and engine is not None and image != engine:
        message = f"the image is for {image}, and the engine runs on {engine}: it runs under emulation"
        return warning(name, message, f"docker rmi --force {tag}", **readings)
    if engine is not None and local_engine and engine != machine:
        message = f"the engine runs on {engine}, and the machine is {machine}: its containers run under emulation"
        return warning(name, message, f"Install Docker for {machine}.", **readings)
    others = [f"the engine {engine}"] if engine not in {None, machine} else []
    return ok(name, ", ".join([machine, *others, "no emulation"]), **readings)


def normalize(architecture: str) -> str:
    """One name for the different ones that systems, engines and images use."""
    name = architecture.lower()
    return _SAME.get(name, name)


def _machine(system: str) -> str:
    """The machine's own architecture, which may not be that of this Python."""
    if system == "win32":
        return os.environ.get("PROCESSOR_ARCHITEW6432") or platform.machine()
    if system == "darwin" and command.run("sysctl", "-n", "sysctl.proc_translated").output == "1":
        return "arm64"
    return platform.machine()
