"""The live display: trials that are over as one line each, and below them a few lines about what happens now."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import monotonic
from typing import TextIO

from rich.cells import cell_len
from rich.console import RenderableType
from rich.text import Text

from labkit.model import Block, CheckedTrial, Plan, PlannedTrial
from labkit.output.eta import Eta
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
from labkit.output.screen import Screen

# From this width on, lines about trials that are over are aligned.
ROOMY = 60


class Live(Screen):
    """Draws on `stream`, a terminal."""

    def __init__(self, stream: TextIO, *, colour: bool = True, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._plan = Plan((), (), 0)
        self._forecast = Eta(self._plan, clock)
        self._block: Block | None = None
        self._heading: list[str] = []
        self._trial: PlannedTrial | None = None
        self._in_flight: int | None = None
        super().__init__(stream, colour=colour)

    def begin(self, plan: Plan) -> None:
        self._plan, self._forecast = plan, Eta(plan, self._clock)
        self._live.start()

    def block(self, block: Block) -> None:
        self._block, self._trial = block, None
        self._forecast.block(block)
        self._heading = self._where(block)

    def trial(self, planned: PlannedTrial) -> None:
        self._forecast.trial(planned)
        self._in_flight, self._trial = None, planned

    def sample(self, in_flight: int | None) -> None:
        self._in_flight = in_flight

    def trial_done(self, checked: CheckedTrial) -> None:
        self._trial = None
        self._forecast.done(checked)
        for line in packed([Text(part, "dim") for part in self._heading], self._console.width):
            self._console.print(line)
        self._heading = []
        self._console.print(self._over(checked))

    def _where(self, block: Block) -> list[str]:
        """The grid point and the repeat, as far as there are others."""
        parts = []
        if len({each.point for each in self._plan.blocks}) > 1:
            parts += format_grid_point(block.point).split(SEPARATOR)
        repeats = max(trial.repeat for trial in self._plan.trials)
        if repeats > 1:
            parts.append(f"repeat {block.trials[0].repeat} of {repeats}")
        return parts

    def _over(self, checked: CheckedTrial) -> Text:
        trial = checked.trial
        failed = next((check.name for check in checked.checks if check.ok is False), None)
        verdict, style = ("ok", "") if checked.rankable else (f"not ranked: {failed}", "yellow")
        if trial.planned.traced:
            verdict, style = "traced", ""
        if trial.outcome != "ok":
            verdict, style = trial.outcome, "red"
        widest = max(cell_len(sanitize(name)) for name in self._plan.approaches)
        makespan = NOT_MEASURED if trial.makespan_s is None else f"{format_fixed(trial.makespan_s, 3)} s"
        number = str(self._forecast.begun).rjust(len(str(self._forecast.total)))
        name = sanitize(trial.planned.approach)
        if self._console.width >= ROOMY:
            name, makespan = name.ljust(widest), makespan.rjust(9)
        return Text.assemble(f"{number}  {name}  {makespan}  ", (verdict, style))

    def _drawing(self) -> RenderableType:
        left_s = self._forecast.left_s()
        left = [] if left_s is None else [Text(f"about {format_duration(left_s)} left")]
        return Text("\n").join(packed([*self._now(), *left], self._console.width))

    def _now(self) -> Iterable[Text]:
        trial, block = self._trial, self._block
        if block is None:
            return [Text("getting ready")]
        where = [Text(part) for part in self._where(block)]
        if self._forecast.starting:
            clients = plural(self._forecast.waiting_in(block), "client")
            return [Text(f"starting the server and {clients}"), *where]
        if trial is None:
            return where
        return [
            Text(f"trial {self._forecast.begun} of {self._forecast.total}"),
            Text(sanitize(trial.approach), "bold"),
            *where,
            Text(f"{self._forecast.elapsed_s:.1f} s of {trial.ideal_s:g} s"),
            _bar(self._in_flight, trial.bound),
        ]


def _bar(in_flight: int | None, bound: int) -> Text:
    """The requests in flight, and how full that makes the most that may be."""
    if in_flight is None:
        return Text(f"{NOT_MEASURED} in flight")
    return Text.assemble(f"{in_flight} of {bound} in flight ", bar(in_flight, bound, min(bound, LONGEST_BAR)))
