"""The users of ``loadtest/locustfile.py`` for a given number of requests: Locust has no such option.

    locust -f benchmarks/support/counted_locust.py --headless --users 500 --spawn-rate 500 --requests 10000 --host …

The requests are numbered, and a user stops when it finds the numbers used up. After the last answer Locust prints one
line of JSON on standard output and quits: the answered requests ("ok"), and the seconds from the start of the first
request to the end of the last one ("elapsed_s"), both from Locust's request events.
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
    """1 to `last`; after that each user that asks for a number is stopped."""

    def __init__(self, last: int) -> None:
        self._numbers = iter(range(1, last + 1))

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        for number in self._numbers:
            return number
        raise StopUser


class Caller(locustfile.Caller):
    """The same user; Locust runs the user classes that the named file has itself."""

    numbers: Iterator[int]  # type: ignore[assignment]


def _add_option(parser: ArgumentParser, **_: Any) -> None:
    parser.add_argument("--requests", type=int, required=True)


def _count_requests(environment: Environment, **_: Any) -> None:
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
            gevent.spawn(environment.runner.quit)  # in a greenlet of its own: quit() kills the user that calls this

    environment.events.request.add_listener(on_request)  # type: ignore[no-untyped-call]


events.init_command_line_parser.add_listener(_add_option)  # type: ignore[no-untyped-call]
events.init.add_listener(_count_requests)  # type: ignore[no-untyped-call]
