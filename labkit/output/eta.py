"""Time left of a comparison, corrected by the trials measured so far."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from labkit.model import Block, CheckedTrial, Plan, PlannedTrial

# Time to start a server and clients, until one start has been measured.
FIRST_GUESS_S = 1.0


class Eta:
    """Follows a plan while it runs. A trial takes its ideal times the ratio of makespans to ideals so far.

    All other time, mostly for starting servers and clients, is shared equally by the blocks. Another thread may read
    concurrently: collections are replaced, never changed.
    """

    def __init__(self, plan: Plan, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._waiting = {trial.order: trial for trial in plan.trials}
        self._blocks_waiting = list(plan.blocks)
        self._blocks_begun = self._blocks_done = 0
        self._first_block_s: float | None = None
        self._block_s = 0.0
        self._trial_s = 0.0
        self._now: PlannedTrial | None = None
        self._makespans_s = self._ideals_s = self._wasted_s = 0.0
        self._last_done_s: float | None = None
        self.begun = 0
        self.starting = False

    @property
    def total(self) -> int:
        """The number of trials, without those that turned out to be unavailable."""
        return self.begun + len(self._waiting)

    def waiting_in(self, block: Block) -> int:
        """The number of trials in `block` that have not begun."""
        return sum(trial.order in self._waiting for trial in block.trials)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the current trial began."""
        return self._clock() - self._trial_s

    def block(self, block: Block) -> None:
        """Start `block`: its server and clients."""
        self._block_s = self._clock()
        if self._first_block_s is None:
            self._first_block_s = self._block_s
        self._blocks_waiting = [each for each in self._blocks_waiting if each is not block]
        self._blocks_begun += 1
        self.starting = True

    def trial(self, planned: PlannedTrial) -> None:
        """Begin a trial. An approach that was skipped is unavailable, and is skipped in later blocks too."""
        skipped = {trial.approach for order, trial in self._waiting.items() if order < planned.order}
        self._waiting = {
            order: trial
            for order, trial in self._waiting.items()
            if order != planned.order and trial.approach not in skipped
        }
        self._now, self._trial_s = planned, self._clock()
        self.begun += 1
        self.starting = False

    def done(self, checked: CheckedTrial) -> None:
        """End a trial."""
        self._last_done_s = self._clock()
        self._blocks_done = self._blocks_begun
        trial = checked.trial
        if trial.outcome == "ok" and trial.makespan_s is not None:
            self._makespans_s += trial.makespan_s
            self._ideals_s += trial.planned.ideal_s
        else:  # the time until a failure predicts nothing about the other trials
            self._wasted_s += self._last_done_s - self._trial_s
        self._now = None

    def left_s(self) -> float | None:
        """Seconds until the end; None before the first block, because the time to prepare a runtime is unknown."""
        if self._first_block_s is None:
            return None
        ratio = self._makespans_s / self._ideals_s if self._ideals_s else 1.0
        left_s = ratio * sum(trial.ideal_s for trial in self._waiting.values())
        if self._now is not None:
            left_s += max(0.0, ratio * self._now.ideal_s - self.elapsed_s)
        block_s = self._block_overhead_s(ratio)
        if self.starting:
            left_s += max(0.0, block_s - (self._clock() - self._block_s))
        waiting = sum(self.waiting_in(block) > 0 for block in self._blocks_waiting)
        return left_s + waiting * block_s

    def _block_overhead_s(self, ratio: float) -> float:
        if self._last_done_s is None or self._first_block_s is None:
            return FIRST_GUESS_S if self.starting else self._trial_s - self._block_s
        spent_s = self._last_done_s - self._first_block_s
        return max(0.0, spent_s - ratio * self._ideals_s - self._wasted_s) / self._blocks_done
