"""What a calibration run says of the machine: from which difference on two makespans differ at all. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt
from statistics import fmean, median

from labkit.analysis.statistics import percentile
from labkit.doctor.calibration import Calibration

ROUNDS = 3  # of the default comparison: so often an approach waits for answers and deals with them
FEWEST = 4


@dataclass(frozen=True, slots=True)
class Noise:
    """Seconds. A difference of two makespans of 1 s that is smaller than these may be none."""

    waiting_s: float
    """Of trials that wait, and do little between."""
    working_s: float
    """Of trials that compute most of the time."""
    overshoot_median_s: float
    overshoot_p99_s: float
    piece_spread: float
    """The 95th percentile of a piece's time ÷ its median, less 1."""


def noise(run: Calibration) -> Noise:
    """How much makespans of identical trials of 1 s differ on this machine. Raises ValueError for too few blocks.

    A trial that waits is `ROUNDS` rounds of a sleep and a piece of work, less the sleeps' own lengths; one that works
    is as many blocks as fit into a second. See `spread` for how much so many of them differ.
    """
    if len(run.blocks) < FEWEST:
        raise ValueError("too few blocks")
    rounds = [late + piece for late, piece in zip(run.overshoots, run.pieces, strict=True)]
    return Noise(
        waiting_s=spread(rounds, ROUNDS),
        working_s=spread(run.blocks, 1 / median(run.blocks)),
        overshoot_median_s=median(run.overshoots),
        overshoot_p99_s=percentile(run.overshoots, 99),
        piece_spread=percentile(run.pieces, 95) / median(run.pieces) - 1,
    )


def spread(times: Sequence[float], number: float) -> float:
    """What two sums of `number` such times differ by, by the machine's doing alone, 19 times in 20.

    Any two of `times` are two identical things, done one after the other: the 95th percentile of their differences,
    over all pairs, is what two of them differ by. Where what disturbs one has nothing to do with the next, differences
    of sums grow with the root of their number. What lasts longer grows with the number itself, and shows between the
    two halves of `times`. The larger of both counts.
    """
    half = len(times) // 2
    chance = percentile([abs(one - other) for one, other in combinations(times, 2)], 95) * sqrt(number)
    drift = abs(fmean(times[:half]) - fmean(times[-half:])) * number
    return max(chance, drift)
