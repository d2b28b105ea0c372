"""``lab.py down``: stop the server that ``lab.py up`` started."""

from __future__ import annotations

from argparse import Namespace

from labkit.runtime import up


def run(options: Namespace) -> int:
    """Stop the server, if it is up; 0."""
    server = up.stop()
    print("No server from `lab.py up` is running." if server is None else f"The server on {server.url} is stopped.")
    return 0
