"""The live display of a load: what happens now on a few lines, and above them a line for each step that is over."""

from __future__ import annotations

from typing import TextIO

from rich.console import RenderableType
from rich.text import Text

from labkit.model.load import SOUND, LoadPlan, LoadTrial, Now, Open, verdict
from labkit.output.format import NOT_MEASURED, format_count, format_fixed, plural, sanitize
from labkit.output.lines import LONGEST_BAR, bar, packed
from labkit.output.screen import Screen


class Live(Screen):
    """Draws on `stream`, a terminal."""

    def __init__(self, stream: TextIO, *, colour: bool = True) -> None:
        self._plan: LoadPlan | None = None
        self._steps: int | None = None
        self._now: Now | None = None
        super().__init__(stream, colour=colour)

    def begin(self, plan: LoadPlan, steps: int | None) -> None:
        self._now, self._plan, self._steps = None, plan, steps
        self._live.start()

    def now(self, now: Now) -> None:
        self._now = now

    def over(self, trial: LoadTrial) -> None:
        self._now = None
        if self._steps is not None:
            for line in packed(_over(trial), self._console.width):
                self._console.print(line)

    def _drawing(self) -> RenderableType:
        # Read once: another thread may change them meanwhile.
        plan, steps, now = self._plan, self._steps, self._now
        items = [] if plan is None or steps is None else _step(plan, steps)
        items += [Text("getting ready")] if plan is None or now is None else _now(plan, now)
        return Text("\n").join(packed(items, self._console.width))


def _step(plan: LoadPlan, steps: int) -> list[Text]:
    return [Text(f"step {plan.order} of at most {steps}"), *_rate(plan)]


def _rate(plan: LoadPlan) -> list[Text]:
    return [Text(f"{plan.shape.rate:.4g} arrivals a second", "bold")] if isinstance(plan.shape, Open) else []


def _now(plan: LoadPlan, now: Now) -> list[Text]:
    """The figures in the order of their weight; queue and lateness where there can be any."""
    counts = now.counts
    items = [*_elapsed(plan, now), Text(plural(counts.arrivals, "arrival")), Text(f"{now.in_flight} in flight")]
    if now.queue is not None:
        items.append(Text(f"{now.queue} in the queue"))
    items.append(Text(f"{now.throughput_per_s:.1f} a second"))
    items.append(Text(f"p50 {_seconds(now.p50_s)}, p99 {_seconds(now.p99_s)}"))
    if isinstance(plan.shape, Open):
        items.append(Text(f"a user waits {_seconds(now.response_p50_s)}, {_seconds(now.response_p99_s)}"))
    items.append(Text(f"{counts.failed} failed", "red" if counts.failed else ""))
    if counts.late is not None:
        items.append(Text(f"{counts.late} late", "yellow" if counts.late else ""))
    return items


def _elapsed(plan: LoadPlan, now: Now) -> list[Text]:
    """How far the load is: after its end it waits for what is on its way."""
    elapsed, begun = f"{now.elapsed_s:.1f} s", now.counts.begun
    ended = plan.duration_s is not None and now.elapsed_s > plan.duration_s
    if ended or (plan.requests is not None and begun >= plan.requests):
        return [Text(f"{elapsed}, waiting for the last answers")]
    if plan.duration_s is not None:
        done = bar(now.elapsed_s, plan.duration_s, LONGEST_BAR)
        return [Text.assemble(f"{elapsed} of {plan.duration_s:g} s ", done)]
    if plan.requests is not None:
        return [Text(elapsed), Text.assemble(f"{begun} of {plan.requests} ", bar(begun, plan.requests, LONGEST_BAR))]
    return [Text(elapsed)]


def _seconds(value: float | None) -> str:
    return NOT_MEASURED if value is None else f"{value:.3g} s"


def _over(trial: LoadTrial) -> list[Text]:
    said = verdict(trial)
    p99_s = trial.response.p99 if trial.response else None
    return [
        Text(str(trial.plan.order)),
        *_rate(trial.plan),
        Text(f"{format_count(trial.counts.ok)} ok"),
        Text(f"{format_count(trial.counts.failed)} failed"),
        Text(f"p99 {format_fixed(p99_s, 3)} s"),
        Text(sanitize(said), "" if said == SOUND else "red" if trial.outcome != "ok" else "yellow"),
    ]
