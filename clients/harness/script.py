"""Runs somebody's script as it stands, as ``python SCRIPT ARGS…`` would in its folder."""

from __future__ import annotations

import os
import runpy
import sys
import tempfile
from typing import Any


class ScriptFailed(Exception):
    """The script ended itself with another exit code than 0; the message tells which."""


def main(script: dict[str, Any]) -> None:
    """Run `script`, a `Script` as plain data, to its end. Raises what it raises, and `ScriptFailed`."""
    folder = script["folder"] or _written(script["files"])
    path = os.path.join(folder, script["name"])
    os.chdir(folder)
    sys.argv = [path, *script["arguments"]]
    sys.path.insert(0, folder)
    try:
        runpy.run_path(path, run_name="__main__")
    except SystemExit as end:
        if end.code not in {None, 0}:
            raise ScriptFailed(f"the script ended with exit code {end.code}") from end


def _written(files: list[tuple[str, str]]) -> str:
    """A folder with these files; it goes when the harness does."""
    folder = tempfile.mkdtemp(prefix="script-")
    for name, text in files:
        with open(os.path.join(folder, os.path.basename(name)), "w", encoding="utf-8") as file:
            file.write(text)
    return folder
