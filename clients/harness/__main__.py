"""Runs one approach: ``python -m clients.harness threads``.

By hand it makes one trial and prints a line a request; with --protocol it serves lab.py on standard input and output.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import sys

from clients.harness import by_hand, catalogue, protocol
from clients.harness.supervisor import Interrupted, Supervisor


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m clients.harness",
        description="Run one approach against the lab's server and print a line a request.",
        epilog="example: docker compose run --rm threads --requests 30 --limit 3",
    )
    parser.add_argument("approach", choices=catalogue.names(), metavar="approach", help="a file in clients/")
    parser.add_argument("--requests", type=int, default=9, metavar="N", help="how many requests (9)")
    parser.add_argument("--limit", type=int, default=3, metavar="N", help="at most so many in flight (3)")
    parser.add_argument(
        "--server",
        default=os.environ.get("LAB_SERVER_URL", "http://127.0.0.1:8000"),
        metavar="URL",
        help="the slow server (%(default)s)",
    )
    parser.add_argument("--by-hand", action="store_true", help="the default: one trial, printed for a person")
    parser.add_argument("--protocol", action="store_true", help="serve lab.py: one JSON line in, JSON Lines out")
    options = parser.parse_args(arguments)
    if options.requests < 1 or options.limit < 1:
        parser.error("--requests and --limit take a whole number from 1")
    _raise_open_files_limit()
    if options.protocol:
        return serve(options.approach)
    return by_hand.run(options.approach, options.server, options.requests, options.limit)


def serve(approach: str) -> int:
    """Serve one trial to lab.py. What the approach prints goes to standard error."""
    out = sys.stdout.buffer

    def emit(lines: bytes) -> None:
        out.write(lines)
        out.flush()

    with Supervisor(approach, emit, commands=sys.stdin.buffer) as supervisor:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: supervisor.interrupt())
        try:
            if isinstance(supervisor.wait_until_ready(), protocol.Unavailable):
                return 3
            line = sys.stdin.buffer.readline()
            if not line:
                return 130
            supervisor.run(protocol.from_line(line))  # type: ignore[arg-type]
        except (Interrupted, BrokenPipeError):
            return 130
    return 0


def _raise_open_files_limit() -> None:
    """Many requests at once need many sockets; the soft limit may go up to the hard one without any rights."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
