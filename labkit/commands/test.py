"""``lab.py test``: the lab's own tests, with pytest."""

from __future__ import annotations

import signal
import subprocess
import sys
from argparse import Namespace

from labkit.system.checkout import ROOT

# What pytest's exit codes mean here: 2 is its word for an interruption, 4 for bad usage.
CODES = {0: 0, 2: 130, 4: 2}


def run(options: Namespace) -> int:
    """Run pytest in the checkout; returns 0 when all passed, 1 when not, 2 for bad usage, 130 when interrupted."""
    process = subprocess.Popen([sys.executable, "-m", "pytest", *options.rest], cwd=ROOT)
    # It is told once, by the terminal or by us, and is waited for: its fixtures still have to tidy up.
    signal.signal(signal.SIGTERM, lambda *_: process.send_signal(signal.SIGINT))
    while True:
        try:
            return CODES.get(process.wait(), 1)
        except KeyboardInterrupt:
            continue
