"""What the users of one Locust process do, and what is told of it: one `Batch` after another.

Closed: each user asks again as soon as there is an answer. Open: arrivals come by a schedule, and each waits until a
user is free. Several processes share one load: process `source` of `of` takes every `of`-th request or arrival.
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
from loadtest.locustfile import NAME
from loadtest.once import cause
from loadtest.schedule import offsets

TELL_EVERY_S = 0.1
# A request that times out ends a little after its timeout.
GRACE_S = 2.0


class Work:
    """One process's share of a load. `finished` is set once it is over: nothing in flight, nobody waiting."""

    def __init__(self, load: protocol.Load, source: int, tell: Callable[[protocol.Batch], None]) -> None:
        self.load = load
        self.finished = Event()
        self._source = source
        self._tell = tell
        self._started = Event()
        self._ceased = False
        self._waiting: SimpleQueue[tuple[int, int | None]] = SimpleQueue()
        self._due = 0
        self._given_up = 0
        self._in_flight = 0
        ids = (
            range(source + 1, load.requests + 1, load.processes) if load.requests else count(source + 1, load.processes)
        )
        self._ids = iter(ids)
        self._clear()

    def environment(self) -> Environment:
        """Locust's, with the one class of users that do this work."""
        work = self

        class Caller(FastHttpUser):
            network_timeout = work.load.timeout_s
            connection_timeout = work.load.timeout_s

            @task
            def call(self) -> None:
                number, due_ns = work.next()
                work.begin(number, due_ns)
                self.client.get(f"{work.load.url}/{number}", name=NAME, context={"id": number})

        environment = Environment(user_classes=[Caller], host=self.load.url)
        environment.events.request.add_listener(self._end)  # type: ignore[no-untyped-call]
        return environment

    def start(self, zero_ns: int) -> None:
        """Begin: let users go, and arrivals come, timed from `zero_ns`."""
        gevent.get_hub().loop.update_now()  # its clock stood still while the start signal was waited for
        self._flush(zero_ns)
        if self.load.rate is not None:
            gevent.spawn(self._arrive, zero_ns)
        elif self.load.duration_s is not None:
            gevent.spawn_later(_until(zero_ns + round(self.load.duration_s * 1e9)), self.cease)
        self._started.set()
        gevent.spawn(self._keep_telling)

    def cease(self, patience_s: float | None = None) -> None:
        """Let no more arrive, and wait for what is on its way: arrivals still may find a user for as long as a request
        may take, and then the last of them may take as long.

        With `patience_s`, no longer than that, and arrivals for which no user has been free are given up at once.
        """
        self._ceased = True
        if patience_s is None:
            gevent.spawn_later(self.load.timeout_s, self._give_up, self.load.timeout_s + GRACE_S)
        else:
            self._give_up(patience_s)
        self._finish_if_over()

    def _give_up(self, patience_s: float) -> None:
        while not self._waiting.empty():
            self._waiting.get()
            self._given_up += 1
        gevent.spawn_later(patience_s, self.finished.set)
        self._finish_if_over()

    def tell_the_rest(self) -> None:
        """Tell what has not been told yet; nothing may happen any more."""
        self._flush(monotonic_ns())

    def next(self) -> tuple[int, int | None]:
        """What a user is to do next: a request's id and its intended start. Waits; raises StopUser at the end."""
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
        """Take a request's end as Locust's event tells it; `response_time` is in milliseconds."""
        end_ns = monotonic_ns()
        self._in_flight -= 1
        self._ended.append(context["id"])
        self._ended_start_ns.append(end_ns - round(response_time * 1e6))
        self._ended_ns.append(end_ns)
        self._statuses.append(response.status_code or None)
        self._sizes.append(response_length if response.status_code else None)
        self._errors.append(cause(exception))
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
            if self._ceased:  # somebody said so; what is due is counted, however late it is by now
                return
            self._due += 1
            self._waiting.put((number, due_ns))
        if load.duration_s is not None and load.requests is None:
            gevent.sleep(_until(zero_ns + round(load.duration_s * 1e9)))
        self.cease()

    def _finish_if_over(self) -> None:
        if self._in_flight == 0 and self._waiting.empty():
            self.finished.set()

    def _keep_telling(self) -> None:
        while True:
            gevent.sleep(TELL_EVERY_S)
            self._flush(monotonic_ns())

    def _flush(self, t_ns: int) -> None:
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
            waiting=self._waiting.qsize() + self._given_up,
        )
        self._clear()
        self._tell(batch)

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
    """Seconds from now to a moment; 0 for one that is over."""
    return max(0.0, (moment_ns - monotonic_ns()) / 1e9)
