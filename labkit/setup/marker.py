"""What a `.venv` of ours says of itself; one that says nothing is somebody else's."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from labkit.model.errors import MachineError


@dataclass(frozen=True, slots=True)
class Marker:
    """What a `.venv` of ours says of itself, as JSON in a file of its own."""

    state: str
    """building: not usable; adding: what `locks` names is whole, more may be half there; ready: all of it is whole."""
    checkout: str
    """Where it was made: the scripts in it name that path, so it can be neither moved nor copied."""
    python: str
    """Implementation, version and ABI flags: "cpython 3.11", "cpython 3.14t"."""
    base: str
    """The interpreter that it was made with."""
    stamps: list[int] = field(default_factory=list)
    """Sizes and times of change of the files that its Python needs, from when that was last seen to run."""
    locks: dict[str, str] = field(default_factory=dict)
    """SHA-256 of each requirements file that is installed whole."""


def read_marker(venv: Path) -> Marker:
    try:
        text = (venv / "labkit.json").read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        message = f"{venv} was not made by lab.py, which leaves it alone"
        raise MachineError(message, "Move it away or delete it; the same command then makes its own.") from None
    try:
        return Marker(**json.loads(text))
    except (TypeError, ValueError):
        return Marker("building", "", "", "")  # ours, and cut short when the machine went down


def write_marker(venv: Path, marker: Marker) -> None:
    new = venv / "labkit.json.new"
    new.write_text(json.dumps(asdict(marker), indent=2) + "\n", "utf-8")
    new.replace(venv / "labkit.json")


def identity() -> str:
    """The running Python, as far as packages have to fit it: "cpython 3.14t"."""
    return f"{sys.implementation.name} {sys.version_info[0]}.{sys.version_info[1]}{getattr(sys, 'abiflags', '')}"
