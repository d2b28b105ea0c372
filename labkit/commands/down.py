"""``lab.py down``: stops the server that ``lab.py up`` started."""

from __future__ import annotations

from argparse import Namespace

from labkit.runtime import up


def run(options: Namespace) -> int:
    """Stop it, if it is up; 0."""
    stopped = up.stop()
    print("No server from `lab.py up` is running." if stopped is None else f"The server on {stopped.url} is stopped.")
    return 0
