"""``lab.py approaches``: the files in clients/, a line each."""

from __future__ import annotations

import ast
import platform
import sys
from argparse import Namespace
from importlib.util import find_spec

from clients.harness import catalogue
from labkit.plan.selection import DEFAULT


def run(options: Namespace) -> int:
    """Print every approach with its summary and whether it can run here; 0."""
    known = catalogue.names()
    width = max(map(len, known))
    print(
        f"Approaches in clients/, and whether this Python {platform.python_version()} can run them"
        " (* compared by default):\n"
    )
    for name in sorted(known, key=lambda name: (name not in DEFAULT, name)):
        star = "*" if name in DEFAULT else " "
        try:
            approach = catalogue.read(name)
        except catalogue.BrokenApproach as error:
            print(f"{star} {name:<{width}}  no: {error}")
            continue
        print(f"{star} {name:<{width}}  {_runs_here(approach)}  {approach.summary}")
    print("\nIn Docker each runs on the image's Python. A new file in clients/ is a new approach: see README.md.")
    return 0


def _runs_here(approach: catalogue.Approach) -> str:
    needed = approach.requires_python
    if needed is not None and sys.version_info < needed:
        return f"needs Python {needed[0]}.{needed[1]}:"
    missing = _missing_packages(approach.name)
    return f"needs {', '.join(missing)}, not installed:" if missing else "yes:"


def _missing_packages(name: str) -> list[str]:
    module = ast.parse((catalogue.FOLDER / f"{name}.py").read_bytes())
    imported = [alias.name for node in module.body if isinstance(node, ast.Import) for alias in node.names]
    imported += [node.module for node in module.body if isinstance(node, ast.ImportFrom) and node.module]
    return sorted({top for each in imported if find_spec(top := each.partition(".")[0]) is None})
