"""The Locust baseline of a comparison: the same requests, with as many users as the limit, timed by Locust.

It runs in the harness like an approach, but the latencies in its rows are the unrounded `response_time` values of
Locust's own request events. So two tools without common measuring code can confirm or contradict each other.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from time import monotonic_ns
from typing import Any
from urllib.parse import urlsplit

from locust import FastHttpUser, task
from locust.env import Environment
from locust.exception import StopUser

from clients.harness.recorder import Request, open_request
from loadtest.client import describe_error
from loadtest.locustfile import NAME

logging.getLogger("locust").setLevel(logging.ERROR)  # it warns about starting many users at once, which is intended


def main(urls: Sequence[str], limit: int) -> list[bytes | None]:
    """Request each URL once, at most `limit` at a time. Return the bodies in the order of `urls`, or None."""
    bodies: list[bytes | None] = [None] * len(urls)
    pending = enumerate(urls)

    class Caller(FastHttpUser):
        """A user that takes the next URL from `pending` until none is left."""

        @task
        def call(self) -> None:
            for number, url in pending:
                bodies[number] = self.client.get(url, name=NAME, context={"request": _open(url)}).content
            raise StopUser

    environment = Environment(user_classes=[Caller], host=urls[0].rpartition("/")[0])
    environment.events.request.add_listener(_end)  # type: ignore[no-untyped-call]
    runner = environment.create_local_runner()
    runner.start(limit, spawn_rate=limit)
    assert runner.spawning_greenlet is not None
    runner.spawning_greenlet.join()
    runner.user_greenlets.join()
    return bodies


def _open(url: str) -> Request | None:
    parts = urlsplit(url)
    return open_request(str(parts.hostname), parts.port, parts.path)


def _end(
    *, response_time: float, response_length: int, response: Any, exception: Exception | None, context: Any, **_: Any
) -> None:
    """Record the end of a request from Locust's event; `response_time` is in milliseconds."""
    end_ns = monotonic_ns()
    request: Request | None = context["request"]
    if request is not None:
        request.start_ns = end_ns - round(response_time * 1e6)
        request.status = response.status_code or None
        size = response_length if request.status else None
        request.end(size=size, error=describe_error(exception), end_ns=end_ns)
