"""The marker: a file in `.venv` that records how lab.py made it. A `.venv` without one belongs to the user."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from labkit.model.errors import MachineError


@dataclass(frozen=True, slots=True)
class Marker:
    """The state of a `.venv` and the inputs that it was made from."""

    state: str
    """building: unusable; adding: `locks` are complete, another may be partly installed; ready: all are complete."""
    checkout: str
    """The checkout's path, which the scripts in `.venv` contain: it can be neither moved nor copied."""
    python: str
    """Implementation, version and ABI flags: "cpython 3.11", "cpython 3.14t"."""
    base: str
    """The interpreter that made it."""
    stamps: list[int] = field(default_factory=list)
    """Sizes and modification times of the files that its Python needs, when it last ran."""
    locks: dict[str, str] = field(default_factory=dict)
    """SHA-256 of each requirements file that is completely installed."""


def read_marker(venv: Path) -> Marker:
    """Raises `MachineError` for a `.venv` that lab.py did not make."""
    try:
        text = (venv / "labkit.json").read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        message = f"{venv} was not made by lab.py and is left alone"
        raise MachineError(message, "Move it away or delete it; the same command then makes a new one.") from None
    try:
        return Marker(**json.loads(text))
    except (TypeError, ValueError):
        return Marker("building", "", "", "")  # cut short by a crash of the machine


def write_marker(venv: Path, marker: Marker) -> None:
    new = venv / "labkit.json.new"
    new.write_text(json.dumps(asdict(marker), indent=2) + "\n", "utf-8")
    new.replace(venv / "labkit.json")


def identity() -> str:
    """The running Python, as precisely as packages depend on it: "cpython 3.14t"."""
    return f"{sys.implementation.name} {sys.version_info[0]}.{sys.version_info[1]}{getattr(sys, 'abiflags', '')}"
