"""Runs one approach: ``python -m clients.harness threads``.

By hand, it runs one trial and prints one line per request. For lab.py it implements the protocol on standard input and
output: with ``--protocol`` at once, with ``--held`` after it has received an empty line. So lab.py can start all
containers side by side and still measure each cold start separately.
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
    """Raise the soft limit, which needs no privileges: each request in flight needs a socket."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    if soft != resource.RLIM_INFINITY and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
