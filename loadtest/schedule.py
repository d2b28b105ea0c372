"""When arrivals come under an open load."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from random import Random


def offsets(rate: float, arrivals: str, seed: int) -> Iterator[float]:
    """Seconds from the start to each arrival, without end: `rate` a second, "constant" or "poisson".

    Constant: one every 1 ÷ rate seconds. Poisson: the gaps between them are exponential, as when many people who know
    nothing of each other come; the same `seed` gives the same gaps.
    """
    if arrivals == "constant":
        yield from (number / rate for number in count())
    random, now = Random(seed), 0.0
    while True:
        now += random.expovariate(rate)
        yield now
