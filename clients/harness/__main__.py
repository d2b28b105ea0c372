"""Runs one approach: ``python -m clients.harness threads``.

By hand it makes one trial and prints a line a request. For lab.py it serves the protocol on standard input and output:
with ``--protocol`` at once, with ``--held`` once a first, empty line says so, which lets lab.py start all containers
side by side and measure each cold start by itself.
"""

from __future__ import annotations

import resource
import sys


def main(arguments: list[str]) -> int:
    _raise_open_files_limit()
    match arguments:
        case [approach, "--protocol" | "--held" as mode]:
            from clients.harness.serve import serve

            return serve(approach, held=mode == "--held")
    from clients.harness.by_hand import run

    try:
        return run(arguments)
    except KeyboardInterrupt:
        return 130


def _raise_open_files_limit() -> None:
    """Many requests at once need many sockets; the soft limit may go up to the hard one without any rights."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
