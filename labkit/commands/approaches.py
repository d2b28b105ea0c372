"""``lab.py approaches``: list the files in clients/, one per line."""

from __future__ import annotations

import ast
import platform
import sys
from argparse import Namespace
from importlib.util import find_spec

from clients.harness import catalogue
from labkit.plan.selection import DEFAULT


def run(options: Namespace) -> int:
    """Print each approach with its summary, or the reason why it cannot run here; 0."""
    known = catalogue.names()
    width = max(map(len, known))
    print(f"Approaches in clients/ (* is in the default set), on this Python {platform.python_version()}:\n")
    for name in sorted(known, key=lambda name: (name not in DEFAULT, name)):
        print(f"{'*' if name in DEFAULT else ' '} {name:<{width}}  {_describe(name)}")
    print(
        "\nIn Docker each runs on the image's Python. A new file in clients/ is a new approach: see docs/approaches.md."
    )
    return 0


def _describe(name: str) -> str:
    try:
        approach = catalogue.read(name)
    except catalogue.BrokenApproach as error:
        return f"broken: {error}"
    version = approach.requires_python
    if version is not None and sys.version_info < version:
        return f"(needs Python {version[0]}.{version[1]}) {approach.summary}"
    missing = _missing_packages(name)
    return f"(needs {', '.join(missing)}, not installed) {approach.summary}" if missing else approach.summary


def _missing_packages(name: str) -> list[str]:
    module = ast.parse((catalogue.FOLDER / f"{name}.py").read_bytes())
    imported = [alias.name for node in module.body if isinstance(node, ast.Import) for alias in node.names]
    imported += [node.module for node in module.body if isinstance(node, ast.ImportFrom) and node.module]
    return sorted({top for each in imported if find_spec(top := each.partition(".")[0]) is None})
