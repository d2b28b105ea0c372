"""The noise floor of a machine: the smallest difference of two makespans that means anything. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt
from statistics import fmean, median

from labkit.analysis.statistics import percentile
from labkit.doctor.calibration import Calibration

ROUNDS = 3  # in the default comparison, an approach waits for answers and handles them three times
FEWEST = 4


@dataclass(frozen=True, slots=True)
class Noise:
    """Seconds. Two makespans of 1 s may differ by less than the first two values without any cause."""

    waiting_s: float
    """For trials that mostly wait."""
    working_s: float
    """For trials that mostly compute."""
    overshoot_median_s: float
    overshoot_p99_s: float
    piece_spread: float
    """The 95th percentile of the pieces of work ÷ their median, − 1."""


def predict_noise(run: Calibration) -> Noise:
    """Predict how much makespans of identical trials of 1 s differ on this machine. Raises ValueError for few blocks.

    A trial that waits consists of `ROUNDS` rounds of a sleep and a piece of work, without the nominal sleep. A trial
    that computes consists of the blocks that fit into one second. `spread` predicts the difference of two such sums.
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
    """The difference of two sums of `number` such times that noise alone exceeds once in 20 times.

    All `times` measure the same work, so the 95th percentile of the differences of all pairs is the noise of one time.
    Independent disturbances make the difference of sums grow with the square root of `number`. A drift makes it grow
    with `number` itself, and is visible between the two halves of `times`. The larger of the two results counts.
    """
    half = len(times) // 2
    chance = percentile([abs(one - other) for one, other in combinations(times, 2)], 95) * sqrt(number)
    drift = abs(fmean(times[:half]) - fmean(times[-half:])) * number
    return max(chance, drift)
