"""Runs a user's script unchanged, as ``python SCRIPT ARGS…`` would in its folder."""

from __future__ import annotations

import os
import runpy
import sys
import tempfile
from typing import Any


class ScriptFailed(Exception):
    """The script ended with an exit code other than 0; the message contains it."""


def main(script: dict[str, Any]) -> None:
    """Run `script`, a `Script` message as a dictionary. Raises `ScriptFailed`, and any exception of the script."""
    folder = script["folder"] or _write_files(script["files"])
    path = os.path.join(folder, script["name"])
    os.chdir(folder)
    sys.argv = [path, *script["arguments"]]
    sys.path.insert(0, folder)
    try:
        runpy.run_path(path, run_name="__main__")
    except SystemExit as end:
        if end.code not in {None, 0}:
            raise ScriptFailed(f"the script ended with exit code {end.code}") from end


def _write_files(files: list[tuple[str, str]]) -> str:
    """Return a temporary folder with these files; the harness removes it when it ends."""
    folder = tempfile.mkdtemp(prefix="script-")
    for name, text in files:
        with open(os.path.join(folder, os.path.basename(name)), "w", encoding="utf-8") as file:
            file.write(text)
    return folder
