"""Instruction sets: of the machine, the engine and the image; what runs under emulation is several times slower."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator

from labkit.doctor.command import ask
from labkit.doctor.machine import Machine
from labkit.model.finding import Finding, ok, warning

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
        engine_here=machine.engine.here,
    )


def judge_architecture(
    *, python: str, machine: str, engine: str | None, image: str | None, tag: str, engine_here: bool
) -> Finding:
    """Each as its own system calls it. A remote engine may be of another kind, an image never."""
    python, machine = normal(python), normal(machine)
    engine, image = (normal(each) if each else None for each in (engine, image))
    figures = {"python": python, "machine": machine, "engine": engine, "image": image}
    name = "architecture"
    if python != machine:
        said = f"this Python is for {python}, and the machine is {machine}: it runs under emulation"
        return warning(name, said, f"Start lab.py with a Python for {machine}.", **figures)
    if image is not None and engine is not None and image != engine:
        said = f"the image is for {image}, and the engine runs on {engine}: it runs under emulation"
        return warning(name, said, f"docker rmi --force {tag}", **figures)
    if engine is not None and engine_here and engine != machine:
        said = f"the engine runs on {engine}, and the machine is {machine}: its containers run under emulation"
        return warning(name, said, f"Install Docker for {machine}.", **figures)
    parts = [machine, *([f"the engine {engine}"] if engine else []), *([f"the image {image}"] if image else [])]
    alike = len({machine, engine or machine, image or machine}) == 1
    return ok(name, f"{machine}, nothing under emulation" if alike else ", ".join(parts), **figures)


def normal(architecture: str) -> str:
    """One name for those that systems, engines and images have for the same."""
    name = architecture.lower()
    return _SAME.get(name, name)


def _machine(system: str) -> str:
    """What the machine itself is, whatever this Python was made for."""
    if system == "win32":
        return os.environ.get("PROCESSOR_ARCHITEW6432") or platform.machine()
    if system == "darwin" and ask("sysctl", "-n", "sysctl.proc_translated").out == "1":
        return "arm64"
    return platform.machine()
