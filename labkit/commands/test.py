"""``lab.py test``: the lab's own tests, with pytest."""

from __future__ import annotations

import subprocess
import sys
from argparse import Namespace

from labkit.owner import ROOT


def run(options: Namespace) -> int:
    """Run pytest in the checkout; returns its exit code: 0 all passed, 1 some failed, 2 interrupted or bad usage."""
    return subprocess.run([sys.executable, "-m", "pytest", *options.pytest], cwd=ROOT, check=False).returncode
