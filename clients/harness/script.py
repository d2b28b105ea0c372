"""Runs somebody's script as it stands, as ``python SCRIPT ARGS…`` would."""

from __future__ import annotations

import os
import runpy
import sys
from typing import Any


class ScriptFailed(Exception):
    """The script ended itself with another exit code than 0; the message tells which."""


def main(script: dict[str, Any]) -> None:
    """Run `script`, a `Script` as plain data, to its end. Raises what it raises, and `ScriptFailed`."""
    path = script["path"]
    os.chdir(script["folder"])
    sys.argv = [path, *script["arguments"]]
    sys.path.insert(0, os.path.dirname(path))
    try:
        runpy.run_path(path, run_name="__main__")
    except SystemExit as end:
        if end.code not in {None, 0}:
            raise ScriptFailed(f"the script ended with exit code {end.code}") from end
