"""Runs one trial by hand: prints one line per request, then the total."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
from contextlib import suppress
from math import inf
from time import monotonic, sleep
from urllib.parse import urlsplit

from clients.harness import catalogue, protocol
from clients.harness.supervisor import Interrupted, Supervisor

SERVER_PATIENCE_S = 15.0
TRIAL_PATIENCE_S = 600.0
MAX_COUNT = 10_000


def run(arguments: list[str]) -> int:
    """Run the trial and print it. Return the exit code: 0 all answered, 1 not all answered, 3 cannot run here."""
    options = _options(arguments)
    host, port = options.server
    if not _wait_for(host, port):
        print(
            f"no server answers at {host}:{port}; start one with `docker compose up -d server` or `python lab.py up`",
            file=sys.stderr,
        )
        return 3
    printer = _Printer()
    with Supervisor(options.approach, printer.take) as supervisor:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: supervisor.interrupt())
        try:
            ready = supervisor.wait_until_ready()
        except Interrupted:
            return 130
        if isinstance(ready, protocol.Unavailable):
            print(f"{options.approach}: {ready.reason}", file=sys.stderr)
            return 3
        urls = tuple(f"http://{host}:{port}/by-hand/{number}" for number in range(1, options.requests + 1))
        done = supervisor.run(
            protocol.Trial(urls, options.limit, options.timeout, trial_timeout_s=TRIAL_PATIENCE_S, rate=options.rate)
        )
    answered = printer.print_total(options.approach, done, options.requests)
    if done.outcome == "interrupted":
        return 130
    return 0 if done.outcome == "ok" and answered == options.requests else 1


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m clients.harness",
        description="Run one approach against the lab's server and print one line per request.",
        epilog="example: docker compose run --rm threads --requests 30 --limit 3",
    )
    parser.add_argument(
        "approach", choices=(*catalogue.names(), "locust"), metavar="approach", help="a file in clients/, or locust"
    )
    parser.add_argument("--requests", type=int, default=9, metavar="N", help="number of requests (9)")
    parser.add_argument("--limit", type=int, default=3, metavar="N", help="maximum number of requests in flight (3)")
    parser.add_argument("--timeout", type=_positive, metavar="SECONDS", help="request timeout, if supported (none)")
    parser.add_argument("--rate", type=_positive, metavar="N", help="requests per second, if supported (none)")
    server = os.environ.get("LAB_SERVER_URL", "http://127.0.0.1:8000")
    parser.add_argument("--server", type=_address, default=server, metavar="URL", help="the slow server (%(default)s)")
    parser.add_argument("--by-hand", action="store_true", help="the default: run one trial and print it")
    options = parser.parse_args(arguments)
    if not (1 <= options.requests <= MAX_COUNT and 1 <= options.limit <= MAX_COUNT):
        parser.error(f"--requests and --limit take a whole number from 1 to {MAX_COUNT}")
    return options


def _positive(text: str) -> float:
    with suppress(ValueError):
        if 0 < (value := float(text)) < inf:
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")


def _address(url: str) -> tuple[str, int]:
    with suppress(ValueError):  # invalid port
        parts = urlsplit(url)
        if parts.scheme == "http" and parts.hostname and parts.path in {"", "/"}:
            return parts.hostname, parts.port or 80
    raise argparse.ArgumentTypeError(f"{url!r} is not a URL such as http://127.0.0.1:8000")


class _Printer:
    """Prints the rows after the trial, because printing during it would take CPU time from the trial."""

    def __init__(self) -> None:
        self._rows: list[protocol.Request] = []

    def take(self, lines: bytes) -> None:
        for line in lines.splitlines():
            message = protocol.from_line(line)
            if isinstance(message, protocol.Request):
                self._rows.append(message)

    def print_total(self, approach: str, done: protocol.Done, requests: int) -> int:
        """Print everything and return the number of requests that were answered, at any attempt."""
        for row in sorted(self._rows, key=lambda row: row.start_ns):
            start_s, end_s = ((t_ns - done.start_ns) / 1e9 for t_ns in (row.start_ns, row.end_ns))
            result = row.error or f"{row.status}, {row.bytes} bytes"
            print(f"request {row.id:>4}  {start_s:7.3f} s to {end_s:7.3f} s  {row.lane} (pid {row.pid}): {result}")
        for number, cause in enumerate(done.causes or (), 1):
            if cause is not None:
                print(f"request {number:>4}  gave up: {cause}")
        makespan_s = (done.end_ns - done.start_ns) / 1e9
        answered = len({row.id for row in self._rows if row.error is None and row.status == 200})
        print(f"{approach}: {answered} of {requests} requests answered in {makespan_s:.3f} s")
        if done.error is not None:
            print(f"{approach}: {done.outcome}: {done.error}", file=sys.stderr)
        return answered


def _wait_for(host: str, port: int) -> bool:
    deadline = monotonic() + SERVER_PATIENCE_S
    while monotonic() < deadline:
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            sleep(0.1)
        else:
            return True
    return False
