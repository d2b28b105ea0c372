"""Totals of a load: all figures and everything that its checks need, without any row."""

from __future__ import annotations

from dataclasses import dataclass, field

from labkit.model.load import Counts, Percentiles, Second

SHOWN = 8


@dataclass(slots=True)
class Ids:
    """The number of requests with a property, and the first `SHOWN` of them."""

    count: int = 0
    first: tuple[int | str, ...] = ()

    def add(self, number: int | str) -> None:
        self.count += 1
        if len(self.first) < SHOWN:
            self.first += (number,)


@dataclass(slots=True)
class ServerTotals:
    """The server's log, compared with the client's rows.

    `rows` counts its rows, the slowest of which took `slowest_s`. `unlogged` were answered and are not in it,
    `log_only` are in it and never began, `logged_again` are in it more than once. `outside` were served outside the
    client's time, and `wrong_delay` took longer or shorter than the server's delay.
    """

    rows: int = 0
    slowest_s: float | None = None
    max_in_flight: int | None = None
    unlogged: Ids = field(default_factory=Ids)
    log_only: Ids = field(default_factory=Ids)
    logged_again: Ids = field(default_factory=Ids)
    outside: Ids = field(default_factory=Ids)
    wrong_delay: Ids = field(default_factory=Ids)


@dataclass(frozen=True, slots=True)
class Totals:
    """A finished load; times are seconds from its zero, the first batch of the generator.

    `percentiles` is the precision of `latency` and `response`. `duplicates` began more than once, `out_of_turn` did not
    have the next id, and `ended_unknown` ended without being in flight. `latency_sum_s` includes failed requests.
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
    duplicates: Ids = field(default_factory=Ids)
    out_of_turn: Ids = field(default_factory=Ids)
    ended_unknown: Ids = field(default_factory=Ids)
