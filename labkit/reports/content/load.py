"""The report of a load: figures, latencies side by side and sentences that interpret them; or the steps of a search."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import Any

from labkit.model.load import LATE_S, SOUND, Closed, Knee, LoadPlan, LoadRun, LoadTrial, Open, Percentiles, verdict
from labkit.output.format import (
    NOT_MEASURED,
    SEPARATOR,
    format_count,
    format_fixed,
    format_megabytes,
    format_server,
    plural,
    shorten,
)
from labkit.reports.blocks import (
    Block,
    Column,
    Figures,
    Heading,
    Item,
    Items,
    Paragraph,
    Sparkline,
    Sparklines,
    Table,
    Tone,
    figure_column,
)
from labkit.reports.content.remarks import load_remarks
from labkit.reports.content.trial_rows import trial_rows
from labkit.results.load_document import document

LAST_GOOD = "last good"
TOO_MUCH = "too much"
MOST_ERRORS = 8
# By this share the p99 from the intended start may exceed the one from the actual start without a sentence about it.
LARGE_SHARE = 0.10
ORDER = ("min", "p50", "p90", "p99", "max", "mean")


@dataclass(frozen=True, slots=True)
class LoadReport:
    """One load in full, or several as the steps of a search for the limit."""

    run: LoadRun

    def blocks(self) -> tuple[Block, ...]:
        trials = self.run.trials
        if not trials:
            body: Iterator[Block] = iter([Paragraph(("Nothing was measured.",))])
        elif self.run.knee is None and len(trials) == 1:
            body = _single(trials[0])
        else:
            body = _steps(trials, self.run.knee)
        return (*body, *_errors(trials), *load_remarks(self.run))

    def document(self) -> dict[str, Any]:
        return document(self.run)

    def rows(self) -> list[dict[str, Any]]:
        nested = {"latency_s": Percentiles, "response_s": Percentiles}
        return trial_rows(self.document(), ("id", "started_at", "seed", "stopped"), nested)


def _single(trial: LoadTrial) -> Iterator[Block]:
    yield _heading(trial.plan)
    counts = trial.counts
    requests = (
        ("arrivals", format_count(counts.arrivals)),
        ("begun", format_count(counts.begun)),
        ("ok", format_count(counts.ok)),
        ("failed", format_count(counts.failed)),
        ("unfinished", format_count(counts.unfinished)),
        ("not begun", format_count(counts.not_begun)),
        (f"late (over {LATE_S * 1000:g} ms)", format_count(counts.late)),
    )
    rates = (
        ("throughput (per second)", format_fixed(trial.throughput_per_s, 2)),
        ("capacity (per second)", format_fixed(trial.plan.capacity_per_s, 2)),
        ("makespan (s)", format_fixed(trial.makespan_s, 2)),
        ("most in flight", format_count(trial.max_in_flight)),
        ("most in flight, server", format_count(trial.server_max_in_flight)),
        ("generator CPU (s)", format_fixed(trial.cpu_s, 2)),
        ("generator memory (MB)", format_megabytes(trial.peak_memory_bytes)),
        ("generator processes", format_count(trial.processes_peak)),
    )
    yield Figures((requests, rates))
    yield from _sparklines(trial)
    if trial.latency is not None:
        yield _latencies(trial, trial.latency)
    yield Paragraph(tuple(_interpretation(trial)))


def _heading(plan: LoadPlan, *, with_rate: bool = True) -> Heading:
    """Describe the load, without its rate where each step has another one, and the server with its capacity."""
    match plan.shape:
        case Closed(users, spawn_rate):
            start = "all at once" if spawn_rate >= users else f"{spawn_rate:g} started per second"
            parts = ["closed load", plural(users, "user"), start]
        case Open(rate, arrivals, seed, users):
            spread = arrivals if arrivals == "constant" else f"{arrivals}, seed {seed}"
            parts = ["open load", spread, f"at most {users} in flight"]
            if with_rate:
                parts.insert(1, f"{rate:g} arrivals per second")
    ends = [] if plan.duration_s is None else [f"{plan.duration_s:g} s"]
    ends += [] if plan.requests is None else [plural(plan.requests, "request")]
    parts.append(" or ".join(ends))
    if plan.processes > 1:
        parts.append(f"{plan.processes} processes")
    parts.append(f"timeout {plan.timeout_s:g} s")
    capacity = "no capacity limit" if plan.capacity_per_s is None else f"capacity {_per_s(plan.capacity_per_s)}"
    return Heading(SEPARATOR.join(parts), (SEPARATOR.join([format_server(plan.server), capacity]),))


def _sparklines(trial: LoadTrial) -> Iterator[Block]:
    """Show answers and p99 of each second, unless the load was too short."""
    answered = tuple(float(second.ok) for second in trial.seconds)
    p99s = tuple(second.p99_s for second in trial.seconds)
    known = [p99_s for p99_s in p99s if p99_s is not None]
    if len(answered) >= 2 and any(answered) and known:
        yield Sparklines(
            (
                Sparkline("answered", answered, f"up to {max(answered):.0f} per second", fmean),
                Sparkline("p99", p99s, f"up to {max(known):.2f} s", max),
            )
        )


def _latencies(trial: LoadTrial, latency: Percentiles) -> Table:
    """Return one column of latencies for a closed load, two for an open one."""
    names = Column("name", "latency", ORDER)
    if isinstance(trial.plan.shape, Closed):
        return Table((names, _percentiles("(s)", "", latency)))
    actual = _percentiles("from the\nactual start (s)", "from the\nactual\nstart (s)", latency)
    header, short = (
        "from the intended start (s):\nthe time a user waits",
        "from the\nintended start\n(s): the time\na user waits",
    )
    return Table((names, actual, _percentiles(header, short, trial.response)))


def _percentiles(header: str, short: str, values: Percentiles | None) -> Column:
    return Column("figure", header, tuple(format_fixed(getattr(values, name, None), 3) for name in ORDER), short)


def _interpretation(trial: LoadTrial) -> Iterator[str]:
    if trial.latency is None:
        yield "No request was answered: there is no latency."
        return
    yield f"Percentiles of all answered requests: {shorten(trial.percentiles)}."
    if unanswered := trial.counts.arrivals - trial.counts.ok:
        yield f"{unanswered} of {trial.counts.arrivals} arrivals got no answer: no percentile includes their wait."
    if isinstance(trial.plan.shape, Closed):
        yield (
            "Under a closed load, each user waits for an answer before the next request. A slower server gets fewer "
            "requests, and the wait of other users in the meantime stays hidden."
        )
    elif trial.response is not None:
        more_s = trial.response.p99 - trial.latency.p99
        if more_s > max(LATE_S, LARGE_SHARE * trial.latency.p99):
            yield (
                f"At the p99 a user waits {trial.response.p99:.3f} s, {more_s:.3f} s more than from the actual start: "
                "requests began late, and the latency from that start omits their wait (coordinated omission)."
            )


def _errors(trials: Sequence[LoadTrial]) -> Iterator[Block]:
    """List the errors of all `trials`, the most frequent first."""
    counts: Counter[str] = Counter()
    for trial in trials:
        counts.update(dict(trial.errors))
    if not counts:
        return
    items = [Item(f"{number} × {shorten(error)}", "bad") for error, number in counts.most_common(MOST_ERRORS)]
    if rest := len(counts) - len(items):
        items.append(Item(f"and {plural(rest, 'other kind')}", "bad"))
    yield Heading("Errors")
    yield Items(tuple(items))


def _steps(trials: Sequence[LoadTrial], knee: Knee | None) -> Iterator[Block]:
    figure = partial(figure_column, trials)
    verdicts = tuple(_step_verdict(trial, knee) for trial in trials)
    yield _heading(trials[0].plan, with_rate=False)
    yield Table(
        (
            figure("arrivals\nper second", "per\nsecond", _rate),
            figure("arrivals", "arri-\nvals", lambda trial: format_count(trial.counts.arrivals)),
            figure("ok", "", lambda trial: format_count(trial.counts.ok)),
            figure("failed", "fail-\ned", lambda trial: format_count(trial.counts.failed)),
            figure("p50\n(s)", "", lambda trial: format_fixed(getattr(trial.response, "p50", None), 3)),
            figure("p99\n(s)", "", lambda trial: format_fixed(getattr(trial.response, "p99", None), 3)),
            figure("late", "", lambda trial: format_count(trial.counts.late)),
            Column("text", "verdict", verdicts, tones=tuple(map(_tone, verdicts))),
        )
    )
    sentences = ["p50 and p99 count from the intended start: the time a user waits."]
    yield Paragraph((*sentences, *([_limit(knee)] if knee else [])))


def _rate(trial: LoadTrial) -> str:
    shape = trial.plan.shape
    return f"{shape.rate:.4g}" if isinstance(shape, Open) else NOT_MEASURED


def _step_verdict(trial: LoadTrial, knee: Knee | None) -> str:
    own = verdict(trial)
    if own != SOUND or knee is None or not isinstance(trial.plan.shape, Open):
        return shorten(own)
    return {knee.last_good: LAST_GOOD, knee.first_bad: TOO_MUCH}.get(trial.plan.shape.rate, own)


def _tone(step_verdict: str) -> Tone:
    return "" if step_verdict == SOUND else "good" if step_verdict == LAST_GOOD else "warning"


def _limit(knee: Knee) -> str:
    """Compare the last good rate with the capacity of the workers."""
    capacity = "the workers have no capacity limit"
    if knee.capacity_per_s is not None:
        capacity = f"the capacity of the workers is {_per_s(knee.capacity_per_s)}"
    if knee.last_good is not None:
        good = f"The last good rate is {_per_s(knee.last_good)}"
    else:
        good = "No good rate was found" if knee.first_bad is None else "The first rate was too much already"
    end = "The search ended" if knee.first_bad is None else f"At {_per_s(knee.first_bad)}"
    return f"{good}; {capacity}. {end}: {shorten(knee.why)}."


def _per_s(rate: float) -> str:
    return f"{rate:.4g} per second"
