"""The options of `lab.py pack` and `lab.py unpack`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labkit.options.common import add, add_runtime, option
from labkit.options.values import choices, several

# Targets of the wheels; the first is the machine and the Python that pack.
HERE = "here"
SYSTEMS = ("linux", "macos", "windows")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
TARGETS = (HERE, *(f"{system}-{python}" for system in SYSTEMS for python in PYTHONS))
DEFAULT = (HERE, *(f"{system}-{python}" for system in SYSTEMS for python in ("3.13", "3.14")))

PACK = f"""\
examples:
  python lab.py pack lab.pyz                            the image, and wheels for Linux, macOS and Windows
  python lab.py pack lab.pyz --for here                 only for machines like this one: much smaller
  python lab.py pack lab.pyz --for linux-3.12,windows-3.13

FILE contains the image, the wheels for the local runtime, and the checkout's files: everything that a machine without a
network needs, except Python and Docker. On the other machine, run `python lab.pyz`.

A bundle is for the architecture of the engine that packs it (x86-64 or ARM). --for takes a comma-separated list of
{", ".join(TARGETS[:5])},
{", ".join(TARGETS[5:])}
"""
UNPACK = """\
examples:
  python lab.py unpack lab.pyz                          into this checkout, which must have the same version
  python lab.py unpack lab.pyz ../lab                   with the checkout, into a new folder
  python lab.pyz                                        without a checkout, into the new folder concurrency-lab
  python lab.pyz ~/lab --runtime local                  without the image

The whole file is checked before any part of it is used. If the check fails, the message names the problem, and nothing
is left behind.
"""


def add_pack(commands: Any) -> None:
    command = add(commands, "pack", "Write one file for machines without a network.", "lab", PACK)
    command.add_argument("file", type=Path, metavar="FILE", help="the file to write; replaces an older bundle")
    text = f"targets of the wheels ({','.join(DEFAULT)})"
    option(command, "--for TARGET,…", several(choices(TARGETS)), DEFAULT, text, dest="targets")


def add_unpack(commands: Any) -> None:
    command = add(commands, "unpack", "Check a file from `pack`, and set up the lab from it.", "", UNPACK)
    command.add_argument("file", type=Path, metavar="FILE", help="a file from `lab.py pack`")
    text = "a new folder for the checkout, or a checkout of the same version (default: this one)"
    command.add_argument("folder", type=Path, nargs="?", metavar="FOLDER", help=text)
    add_runtime(command)
