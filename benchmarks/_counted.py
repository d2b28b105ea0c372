"""``loadtest/locustfile.py`` for a given number of requests: Locust has no such option.

    locust -f benchmarks/_counted.py --headless --users 500 --spawn-rate 500 --requests 10000 --host …

The user is that file's own, but for the numbers in its paths: once they have run out, whoever wants one stops. When the
last request has ended Locust quits, after a line of JSON on standard output: how many were answered ("ok"), and the
seconds from the first one's start to the last one's end ("elapsed_s"), by Locust's request events.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from math import inf
from time import monotonic
from typing import Any

import gevent
from locust import events
from locust.env import Environment
from locust.exception import StopUser

from loadtest import locustfile


class Numbers:
    """1 to `last`, and then no user goes on."""

    def __init__(self, last: int) -> None:
        self._numbers = iter(range(1, last + 1))

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        for number in self._numbers:
            return number
        raise StopUser


class Caller(locustfile.Caller):
    """The same user; Locust takes the classes that a file names itself."""


@events.init_command_line_parser.add_listener
def add_option(parser: ArgumentParser) -> None:
    parser.add_argument("--requests", type=int, required=True)


@events.init.add_listener
def count_requests(environment: Environment, **_: Any) -> None:
    assert environment.parsed_options is not None
    requests = environment.parsed_options.requests
    Caller.numbers = Numbers(requests)
    began, ended, ok = inf, 0, 0

    def on_request(*, response_time: float, exception: Any, **_: Any) -> None:
        nonlocal began, ended, ok
        now = monotonic()
        began = min(began, now - response_time / 1e3)
        ended += 1
        ok += exception is None
        if ended == requests:
            print(json.dumps({"ok": ok, "elapsed_s": now - began}), flush=True)
            assert environment.runner is not None
            gevent.spawn(environment.runner.quit)  # not here: it ends the user that this is called by

    environment.events.request.add_listener(on_request)
