"""All figures of a load and what its checks need to know, counted as the requests come: no row is kept."""

from __future__ import annotations

from dataclasses import dataclass

from labkit.model.load import Counts, Percentiles, Second

SHOWN = 8


@dataclass(frozen=True, slots=True)
class Ids:
    """How many requests something is true of, and the first `SHOWN` of them."""

    count: int = 0
    first: tuple[int | str, ...] = ()


class Marked:
    """Collects `Ids`."""

    def __init__(self) -> None:
        self._count = 0
        self._first: list[int | str] = []

    def add(self, number: int | str) -> None:
        self._count += 1
        if len(self._first) < SHOWN:
            self._first.append(number)

    @property
    def ids(self) -> Ids:
        return Ids(self._count, tuple(self._first))


@dataclass(frozen=True, slots=True)
class ServerTotals:
    """What the server's log says beside the clients' rows.

    `rows` are all of its rows, the slowest of which took `slowest_s`. `unlogged` were answered and are not in it,
    `log_only` are in it and never began, `logged_again` are in it more than once. `outside` were served outside the
    client's own time, and `wrong_delay` not in the time that the server is set to take.
    """

    rows: int = 0
    slowest_s: float | None = None
    max_in_flight: int | None = None
    unlogged: Ids = Ids()
    log_only: Ids = Ids()
    logged_again: Ids = Ids()
    outside: Ids = Ids()
    wrong_delay: Ids = Ids()


@dataclass(frozen=True, slots=True)
class Totals:
    """A load that is over; times are seconds from its zero, the generator's first word.

    `percentiles` says how exact `latency` and `response` are. `duplicates` began more than once and `out_of_turn` are
    not the id that was next; `ended_unknown` ended and were not on their way. `latency_sum_s` is of all that ended,
    failed ones included.
    """

    counts: Counts
    latency: Percentiles | None
    response: Percentiles | None
    percentiles: str
    max_in_flight: int | None
    server: ServerTotals
    errors: tuple[tuple[str, int], ...]
    seconds: tuple[Second, ...]
    last_end_s: float | None
    last_answer_s: float | None
    latency_sum_s: float
    duplicates: Ids = Ids()
    out_of_turn: Ids = Ids()
    ended_unknown: Ids = Ids()

    @property
    def server_max_in_flight(self) -> int | None:
        return self.server.max_in_flight
