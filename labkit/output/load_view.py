"""Live view of a load test: one line per finished step, and the current figures."""

from __future__ import annotations

from rich.text import Text

from labkit.model.load import SOUND, LoadPlan, LoadTrial, Now, Open, verdict
from labkit.output.events import Event, LoadStep
from labkit.output.format import NOT_MEASURED, format_count, format_fixed, plural, sanitize
from labkit.output.lines import LONGEST_BAR, bar, packed


class LoadView:
    """Follows the events of one step."""

    def __init__(self, step: LoadStep) -> None:
        self._step = step
        self._now: Now | None = None

    def update(self, event: Event, width: int) -> list[Text]:
        """Follow `event`; returns the lines that stay, for a step that is one of several."""
        match event:
            case Now():
                self._now = event
            case LoadTrial():
                self._now = None
                return [] if self._step.most is None else packed(_finished(event), width)
        return []

    def items(self) -> list[Text]:
        """The current state, for the lines at the bottom."""
        step, now = self._step, self._now  # read once: another thread may replace the figures
        heading = (
            [] if step.most is None else [Text(f"step {step.plan.order} of at most {step.most}"), *_rate(step.plan)]
        )
        return heading + ([Text("getting ready")] if now is None else _figures(step.plan, now))


def _rate(plan: LoadPlan) -> list[Text]:
    return [Text(f"{plan.shape.rate:.4g} per second", "bold")] if isinstance(plan.shape, Open) else []


def _figures(plan: LoadPlan, now: Now) -> list[Text]:
    """The most important figures first; queue and lateness only where the load has them."""
    counts = now.counts
    items = [*_elapsed(plan, now), Text(plural(counts.arrivals, "arrival")), Text(f"{now.in_flight} in flight")]
    if now.queue is not None:
        items.append(Text(f"{now.queue} in the queue"))
    items.append(Text(f"{now.throughput_per_s:.1f} per second"))
    items.append(Text(f"latency p50 {_seconds(now.p50_s)}, p99 {_seconds(now.p99_s)}"))
    if isinstance(plan.shape, Open):
        items.append(Text(f"response p50 {_seconds(now.response_p50_s)}, p99 {_seconds(now.response_p99_s)}"))
    items.append(Text(f"{counts.failed} failed", "red" if counts.failed else ""))
    if counts.late is not None:
        items.append(Text(f"{counts.late} late", "yellow" if counts.late else ""))
    return items


def _elapsed(plan: LoadPlan, now: Now) -> list[Text]:
    """The elapsed part of the load; after its end, the requests in flight are still waited for."""
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


def _finished(trial: LoadTrial) -> list[Text]:
    outcome = verdict(trial)
    p99_s = trial.response.p99 if trial.response else None
    return [
        Text(str(trial.plan.order)),
        *_rate(trial.plan),
        Text(f"{format_count(trial.counts.ok)} ok"),
        Text(f"{format_count(trial.counts.failed)} failed"),
        Text(f"response p99 {format_fixed(p99_s, 3)} s"),
        Text(sanitize(outcome), "" if outcome == SOUND else "red" if trial.outcome != "ok" else "yellow"),
    ]
