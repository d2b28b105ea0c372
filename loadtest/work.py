"""The users of one Locust process, and their requests as `Batch` messages.

In a closed load, each user sends its next request after an answer. In an open load, arrivals follow a schedule, and
each one waits for a free user. Several processes share a load: each of N processes takes every N-th request or arrival.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count, islice, takewhile
from math import inf
from time import monotonic_ns
from typing import Any

import gevent
from gevent.event import Event
from gevent.queue import SimpleQueue
from locust import FastHttpUser, task
from locust.env import Environment
from locust.exception import StopUser

from clients.harness import protocol
from loadtest.client import describe_error
from loadtest.locustfile import NAME
from loadtest.schedule import offsets

BATCH_INTERVAL_S = 0.1
# A request ends a little after its timeout.
GRACE_S = 2.0


class Work:
    """One process's share of a load. `finished` is set when no request is in flight and no arrival waits."""

    def __init__(self, load: protocol.Load, source: int, emit: Callable[[protocol.Batch], None]) -> None:
        self.load = load
        self.finished = Event()
        self._source = source
        self._emit = emit
        self._started = Event()
        self._ceased = False
        self._waiting: SimpleQueue[tuple[int, int | None]] = SimpleQueue()
        self._due = 0
        self._dropped = 0
        self._in_flight = 0
        ids = (
            range(source + 1, load.requests + 1, load.processes) if load.requests else count(source + 1, load.processes)
        )
        self._ids = iter(ids)
        self._clear()

    def environment(self) -> Environment:
        """Return a Locust environment whose users do this work."""
        work = self

        class Caller(FastHttpUser):
            network_timeout = work.load.timeout_s
            connection_timeout = work.load.timeout_s

            @task
            def call(self) -> None:
                number, due_ns = work.next_request()
                work.begin(number, due_ns)
                self.client.get(f"{work.load.url}/{number}", name=NAME, context={"id": number})

        environment = Environment(user_classes=[Caller], host=self.load.url)
        environment.events.request.add_listener(self._end)  # type: ignore[no-untyped-call]
        return environment

    def start(self, zero_ns: int) -> None:
        """Start the users and the schedule of arrivals at `zero_ns`."""
        gevent.get_hub().loop.update_now()  # its clock did not advance during the wait for the start signal
        self._emit_batch(zero_ns)
        if self.load.rate is not None:
            gevent.spawn(self._arrive, zero_ns)
        elif self.load.duration_s is not None:
            gevent.spawn_later(_until(zero_ns + round(self.load.duration_s * 1e9)), self.cease)
        self._started.set()
        gevent.spawn(self._emit_batches)

    def cease(self, patience_s: float | None = None) -> None:
        """Stop the arrivals and wait for the requests in flight.

        Waiting arrivals have one request timeout to find a free user, and the last request can take another one. With
        `patience_s`, drop waiting arrivals at once, and wait no longer than that.
        """
        self._ceased = True
        if patience_s is None:
            gevent.spawn_later(self.load.timeout_s, self._drop_waiting, self.load.timeout_s + GRACE_S)
        else:
            self._drop_waiting(patience_s)
        self._finish_if_over()

    def _drop_waiting(self, patience_s: float) -> None:
        while not self._waiting.empty():
            self._waiting.get()
            self._dropped += 1
        gevent.spawn_later(patience_s, self.finished.set)
        self._finish_if_over()

    def flush(self) -> None:
        """Emit the last batch."""
        self._emit_batch(monotonic_ns())

    def next_request(self) -> tuple[int, int | None]:
        """Wait for the next request of a user: its id and its intended start. Raises StopUser at the end."""
        self._started.wait()
        if self.load.rate is not None:
            arrival: tuple[int, int | None] = self._waiting.get()
            return arrival
        number = None if self._ceased else next(self._ids, None)
        if number is None:
            self._ceased = True
            self._finish_if_over()
            raise StopUser
        self._due += 1
        return number, None

    def begin(self, number: int, due_ns: int | None) -> None:
        self._in_flight += 1
        self._begun.append(number)
        self._begun_ns.append(monotonic_ns())
        self._begun_due_ns.append(due_ns)

    def _end(
        self, *, response_time: float, response_length: int, response: Any, exception: Any, context: Any, **_: Any
    ) -> None:
        """Record the end of a request from Locust's event; `response_time` is in milliseconds."""
        end_ns = monotonic_ns()
        self._in_flight -= 1
        self._ended.append(context["id"])
        self._ended_start_ns.append(end_ns - round(response_time * 1e6))
        self._ended_ns.append(end_ns)
        self._statuses.append(response.status_code or None)
        self._sizes.append(response_length if response.status_code else None)
        self._errors.append(describe_error(exception))
        if self._ceased:
            self._finish_if_over()

    def _arrive(self, zero_ns: int) -> None:
        load = self.load
        assert load.rate is not None and load.arrivals is not None  # noqa: PT018 - an open load has both
        mine = islice(offsets(load.rate, load.arrivals, load.seed), self._source, None, load.processes)
        until_s = inf if load.duration_s is None else load.duration_s
        within = takewhile(lambda offset_s: offset_s < until_s, mine)
        for number, offset_s in zip(self._ids, within, strict=False):
            due_ns = zero_ns + round(offset_s * 1e9)
            gevent.sleep(_until(due_ns))
            if self._ceased:  # without a `Cease`, every due arrival counts, even if it is late
                return
            self._due += 1
            self._waiting.put((number, due_ns))
        if load.duration_s is not None and load.requests is None:
            gevent.sleep(_until(zero_ns + round(load.duration_s * 1e9)))
        self.cease()

    def _finish_if_over(self) -> None:
        if self._in_flight == 0 and self._waiting.empty():
            self.finished.set()

    def _emit_batches(self) -> None:
        while True:
            gevent.sleep(BATCH_INTERVAL_S)
            self.flush()

    def _emit_batch(self, t_ns: int) -> None:
        batch = protocol.Batch(
            source=self._source,
            t_ns=t_ns,
            begun=tuple(self._begun),
            begun_ns=tuple(self._begun_ns),
            begun_due_ns=None if self.load.rate is None else tuple(filter(None, self._begun_due_ns)),
            ended=tuple(self._ended),
            ended_start_ns=tuple(self._ended_start_ns),
            ended_ns=tuple(self._ended_ns),
            statuses=tuple(self._statuses),
            sizes=tuple(self._sizes),
            errors=tuple(self._errors),
            due=self._due,
            waiting=self._waiting.qsize() + self._dropped,
        )
        self._clear()
        self._emit(batch)

    def _clear(self) -> None:
        self._begun: list[int] = []
        self._begun_ns: list[int] = []
        self._begun_due_ns: list[int | None] = []
        self._ended: list[int] = []
        self._ended_start_ns: list[int] = []
        self._ended_ns: list[int] = []
        self._statuses: list[int | None] = []
        self._sizes: list[int | None] = []
        self._errors: list[str | None] = []


def _until(moment_ns: int) -> float:
    """Return the seconds from now to a moment; 0 if it has passed."""
    return max(0.0, (moment_ns - monotonic_ns()) / 1e9)
