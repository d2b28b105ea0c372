"""Live view of a comparison: one line per finished trial, and the current trial with the time left."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from rich.cells import cell_len
from rich.text import Text

from labkit.model import Block, CheckedTrial, Plan, PlannedTrial
from labkit.output.eta import Eta
from labkit.output.events import Event, InFlight
from labkit.output.format import (
    NOT_MEASURED,
    SEPARATOR,
    format_duration,
    format_fixed,
    format_grid_point,
    plural,
    sanitize,
)
from labkit.output.lines import LONGEST_BAR, bar, packed

# From this width on, the lines of finished trials are aligned.
WIDE = 60


class ComparisonView:
    """Follows the events of one plan."""

    def __init__(self, plan: Plan, clock: Callable[[], float] = monotonic) -> None:
        self._plan = plan
        self._eta = Eta(plan, clock)
        self._block: Block | None = None
        self._heading: list[str] = []
        self._trial: PlannedTrial | None = None
        self._in_flight: int | None = None

    def update(self, event: Event, width: int) -> list[Text]:
        """Follow `event`; returns the lines that stay. The first trial of a block has the grid point above it."""
        match event:
            case Block():
                self._block, self._trial, self._heading = event, None, self._place(event)
                self._eta.block(event)
            case PlannedTrial():
                self._eta.trial(event)
                self._in_flight, self._trial = None, event
            case InFlight(requests):
                self._in_flight = requests
            case CheckedTrial():
                self._trial = None
                self._eta.done(event)
                heading, self._heading = packed([Text(part, "dim") for part in self._heading], width), []
                return [*heading, self._finished(event, aligned=width >= WIDE)]
        return []

    def items(self) -> list[Text]:
        """The current state, for the lines at the bottom."""
        if self._trial is None and self._eta.begun == self._eta.total:
            return [Text("finishing")]
        left_s = self._eta.left_s()
        return self._now() + ([] if left_s is None else [Text(f"about {format_duration(left_s)} left")])

    def _place(self, block: Block) -> list[str]:
        """Grid point and repeat, each where the plan has several."""
        parts = []
        if len({each.point for each in self._plan.blocks}) > 1:
            parts += format_grid_point(block.point).split(SEPARATOR)
        repeats = max(trial.repeat for trial in self._plan.trials)
        if repeats > 1:
            parts.append(f"repeat {block.trials[0].repeat} of {repeats}")
        return parts

    def _finished(self, checked: CheckedTrial, *, aligned: bool) -> Text:
        trial = checked.trial
        failed = next((check.name for check in checked.checks if check.ok is False), None)
        verdict, style = ("ok", "") if checked.rankable else (f"not ranked: {failed}", "yellow")
        if trial.planned.traced:
            verdict, style = "traced", ""
        if trial.outcome != "ok":
            verdict, style = trial.outcome, "red"
        makespan = NOT_MEASURED if trial.makespan_s is None else f"{format_fixed(trial.makespan_s, 3)} s"
        number = str(self._eta.begun).rjust(len(str(self._eta.total)))
        name = sanitize(trial.planned.approach)
        if aligned:
            widest = max(cell_len(sanitize(each)) for each in self._plan.approaches)
            name, makespan = name.ljust(widest), makespan.rjust(9)
        return Text.assemble(f"{number}  {name}  {makespan}  ", (verdict, style))

    def _now(self) -> list[Text]:
        trial, block = self._trial, self._block
        if block is None:
            return [Text("getting ready")]
        place = [Text(part) for part in self._place(block)]
        if self._eta.starting:
            clients = plural(self._eta.waiting_in(block), "client")
            return [Text(f"starting the server and {clients}"), *place]
        if trial is None:
            return place
        return [
            Text(f"trial {self._eta.begun} of {self._eta.total}"),
            Text(sanitize(trial.approach), "bold"),
            *place,
            Text(f"{self._eta.elapsed_s:.1f} s of {trial.ideal_s:g} s"),
            _bar(self._in_flight, trial.bound),
        ]


def _bar(in_flight: int | None, bound: int) -> Text:
    if in_flight is None:
        return Text(f"{NOT_MEASURED} in flight")
    return Text.assemble(f"{in_flight} of {bound} in flight ", bar(in_flight, bound, min(bound, LONGEST_BAR)))
