"""The options of `lab.py pack` and `lab.py unpack`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labkit.options.common import add, add_runtime
from labkit.options.values import choices

# What wheels can be packed for; the first is the machine and the Python that packs.
HERE = "here"
SYSTEMS = ("linux", "macos", "windows")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
TARGETS = (HERE, *(f"{system}-{python}" for system in SYSTEMS for python in PYTHONS))
USUAL = (HERE, *(f"{system}-{python}" for system in SYSTEMS for python in ("3.13", "3.14")))

PACK = f"""\
examples:
  python lab.py pack lab.pyz                            the image, and wheels for Linux, macOS and Windows
  python lab.py pack lab.pyz --for here                 for machines like this one alone: much smaller
  python lab.py pack lab.pyz --for linux-3.12,windows-3.13

FILE then has the image, the wheels of the local runtime, and the checkout's own files: everything that a machine needs
without a network, but Python and Docker themselves. On the other machine: `python lab.pyz`.

A bundle is for one architecture, that of the engine which packs it (x86-64 or ARM). --for takes, with commas:
{", ".join(TARGETS[:5])},
{", ".join(TARGETS[5:])}
"""
UNPACK = """\
examples:
  python lab.py unpack lab.pyz                          into this checkout, which has to be of the same version
  python lab.py unpack lab.pyz ../lab                   the checkout too, into a new folder
  python lab.pyz                                        without any checkout, into the new folder concurrency-lab
  python lab.pyz ~/lab --runtime local                  without the image

The whole file is checked before anything of it is used. What is wrong with it is said, and nothing is left then.
"""


def add_pack(commands: Any) -> None:
    command = add(commands, "pack", "Write one file with all that a machine without a network needs.", "lab", PACK)
    command.add_argument("file", type=Path, metavar="FILE", help="where to write; an older bundle there is replaced")
    command.add_argument(
        "--for",
        dest="targets",
        type=choices(TARGETS, several=True),
        default=USUAL,
        metavar="TARGET,…",
        help=f"what to pack wheels for ({','.join(USUAL)})",
    )


def add_unpack(commands: Any) -> None:
    command = add(commands, "unpack", "Check a file from `pack`, and have the lab ready from it.", "", UNPACK)
    command.add_argument("file", type=Path, metavar="FILE", help="what `lab.py pack` has written")
    command.add_argument(
        "folder",
        type=Path,
        nargs="?",
        metavar="FOLDER",
        help="a new folder for the checkout, or a checkout of the same version (this one)",
    )
    add_runtime(command)
