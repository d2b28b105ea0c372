"""Events of a comparison or a load test, for the display that follows it."""

from __future__ import annotations

from dataclasses import dataclass

from labkit.model import Block, CheckedTrial, Plan, PlannedTrial
from labkit.model.load import LoadPlan, LoadTrial, Now


@dataclass(frozen=True, slots=True)
class InFlight:
    """The number of requests in flight now; None where it cannot be measured."""

    requests: int | None


@dataclass(frozen=True, slots=True)
class LoadStep:
    """A load that starts, as one of at most `most` steps; None if it is the only one."""

    plan: LoadPlan
    most: int | None


# A comparison shows its plan, then each block, and in it each trial as it starts, runs and is over. A load test shows
# each step as it starts, runs and is over.
Event = Plan | Block | PlannedTrial | InFlight | CheckedTrial | LoadStep | Now | LoadTrial
