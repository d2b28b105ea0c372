"""The schedule of arrivals in an open load."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from random import Random


def offsets(rate: float, arrivals: str, seed: int) -> Iterator[float]:
    """Yield the seconds from the start to each arrival, without end: `rate` per second, "constant" or "poisson".

    Constant arrivals are 1 ÷ rate seconds apart. Poisson arrivals have exponential gaps, like requests of many
    independent users; the same `seed` gives the same gaps.
    """
    if arrivals == "constant":
        yield from (number / rate for number in count())
    random, now = Random(seed), 0.0
    while True:
        now += random.expovariate(rate)
        yield now
