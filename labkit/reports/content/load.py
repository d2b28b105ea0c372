"""What people are shown of a load: figures, latencies beside each other, and sentences that say what they mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from labkit.model.load import LATE_S, SOUND, Closed, Knee, LoadRun, LoadTrial, Open, Percentiles, verdict
from labkit.output.format import NOT_MEASURED, format_count, format_fixed, shorten
from labkit.reports.content.comparison import Column
from labkit.reports.content.load_words import described, server_described
from labkit.reports.content.sparklines import Strip, strips

LAST_GOOD = "last good"
TOO_MUCH = "too much"
MOST_ERRORS = 8
# The share of the p99 from the actual start by which the one from the intended start may exceed it without a word.
LARGE_SHARE = 0.10
ORDER = ("min", "p50", "p90", "p99", "max", "mean")

Figures = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """All parts in the order in which they are shown; each may be empty. `figures` are (what, how much)."""

    headings: tuple[str, ...]
    figures: tuple[Figures, ...]
    strips: tuple[Strip, ...]
    columns: tuple[Column, ...]
    sentences: tuple[str, ...]
    errors: tuple[str, ...]


def sheet(run: LoadRun) -> Sheet:
    """One load in full, or several as the steps of a search for the limit."""
    if not run.trials:
        return Sheet((), (), (), (), ("Nothing was measured.",), ())
    if run.knee is None and len(run.trials) == 1:
        return _single(run.trials[0])
    return _steps(run.trials, run.knee)


def _single(trial: LoadTrial) -> Sheet:
    plan = trial.plan
    return Sheet(
        (described(plan), server_described(plan.server, plan.capacity_per_s)),
        (_requests(trial), _rates(trial)),
        strips(trial.seconds),
        _latencies(trial),
        tuple(_meaning(trial)),
        _errors([trial]),
    )


def _requests(trial: LoadTrial) -> Figures:
    counts = trial.counts
    return (
        ("arrivals", format_count(counts.arrivals)),
        ("begun", format_count(counts.begun)),
        ("ok", format_count(counts.ok)),
        ("failed", format_count(counts.failed)),
        ("unfinished", format_count(counts.unfinished)),
        ("never begun", format_count(counts.not_begun)),
        (f"late (over {LATE_S * 1000:g} ms)", format_count(counts.late)),
    )


def _rates(trial: LoadTrial) -> Figures:
    capacity, memory = trial.plan.capacity_per_s, trial.peak_memory_bytes
    return (
        ("throughput (a second)", format_fixed(trial.throughput_per_s, 2)),
        ("capacity (a second)", format_fixed(capacity, 2)),
        ("makespan (s)", format_fixed(trial.makespan_s, 2)),
        ("most in flight", format_count(trial.max_in_flight)),
        ("most in flight, server", format_count(trial.server_max_in_flight)),
        ("generator's CPU (s)", format_fixed(trial.cpu_s, 2)),
        ("generator's memory (MB)", NOT_MEASURED if memory is None else f"{memory / 1e6:.0f}"),
        ("generator's processes", format_count(trial.processes_peak)),
    )


def _latencies(trial: LoadTrial) -> tuple[Column, ...]:
    """One column of latencies under a closed load, two under an open one."""
    if trial.latency is None:
        return ()
    names = Column("name", "latency", "latency", ORDER)
    if isinstance(trial.plan.shape, Closed):
        return names, _percentiles("(s)", "(s)", trial.latency)
    actual = _percentiles("from the\nactual start (s)", "from the\nactual\nstart (s)", trial.latency)
    header, short = (
        "from the intended start (s):\nwhat a user waits",
        "from the\nintended start\n(s): what a\nuser waits",
    )
    return names, actual, _percentiles(header, short, trial.response)


def _percentiles(header: str, short: str, values: Percentiles | None) -> Column:
    return Column("speed", header, short, tuple(format_fixed(getattr(values, name, None), 3) for name in ORDER))


def _meaning(trial: LoadTrial) -> list[str]:
    if trial.latency is None:
        return ["Nothing was answered: there is no latency."]
    sentences = [f"Percentiles of all answered requests: {shorten(trial.percentiles)}."]
    if unanswered := trial.counts.arrivals - trial.counts.ok:
        sentences.append(
            f"{unanswered} of {trial.counts.arrivals} arrivals were never answered: how long they waited is in no "
            "percentile."
        )
    if isinstance(trial.plan.shape, Closed):
        sentences.append(
            "Under a closed load each user waits for an answer before asking again: a slower server is asked less "
            "often, and what others would have waited meanwhile does not show."
        )
    elif trial.response is not None:
        more_s = trial.response.p99 - trial.latency.p99
        if more_s > max(LATE_S, LARGE_SHARE * trial.latency.p99):
            sentences.append(
                f"A user waits {trial.response.p99:.3f} s at the p99, {more_s:.3f} s more than the time from the "
                "actual start says: requests began late, and that start leaves their wait out (coordinated omission)."
            )
    return sentences


def _errors(trials: Sequence[LoadTrial]) -> tuple[str, ...]:
    """What went wrong and how often, over all of `trials`, the most frequent first."""
    found: dict[str, int] = {}
    for trial in trials:
        for what, number in trial.errors:
            found[what] = found.get(what, 0) + number
    ordered = sorted(found.items(), key=lambda error: -error[1])
    lines = [f"{number} × {shorten(what)}" for what, number in ordered[:MOST_ERRORS]]
    return (*lines, *([f"and {len(ordered) - MOST_ERRORS} other kinds"] if len(ordered) > MOST_ERRORS else []))


def _steps(trials: Sequence[LoadTrial], knee: Knee | None) -> Sheet:
    plan = trials[0].plan

    def column(header: str, short: str, cell: Callable[[LoadTrial], str]) -> Column:
        return Column("speed", header, short, tuple(map(cell, trials)))

    columns = (
        Column("speed", "arrivals\na second", "a\nsecond", tuple(_rate(trial) for trial in trials)),
        column("arrivals", "arri-\nvals", lambda trial: format_count(trial.counts.arrivals)),
        column("ok", "ok", lambda trial: format_count(trial.counts.ok)),
        column("failed", "fail-\ned", lambda trial: format_count(trial.counts.failed)),
        column("p50\n(s)", "p50\n(s)", lambda trial: format_fixed(_waited(trial, "p50"), 3)),
        column("p99\n(s)", "p99\n(s)", lambda trial: format_fixed(_waited(trial, "p99"), 3)),
        column("late", "late", lambda trial: format_count(trial.counts.late)),
        Column("verdict", "verdict", "verdict", tuple(_step_verdict(trial, knee) for trial in trials)),
    )
    sentences = ["p50 and p99 count from the intended start: what a user waits."]
    if knee is not None:
        sentences.append(_limit(knee))
    headings = (described(plan, with_rate=False), server_described(plan.server, plan.capacity_per_s))
    return Sheet(headings, (), (), columns, tuple(sentences), _errors(trials))


def _rate(trial: LoadTrial) -> str:
    shape = trial.plan.shape
    return f"{shape.rate:.4g}" if isinstance(shape, Open) else NOT_MEASURED


def _waited(trial: LoadTrial, name: str) -> float | None:
    return getattr(trial.response, name, None)


def _step_verdict(trial: LoadTrial, knee: Knee | None) -> str:
    said = verdict(trial)
    if said != SOUND or knee is None or not isinstance(trial.plan.shape, Open):
        return shorten(said)
    return {knee.last_good: LAST_GOOD, knee.first_bad: TOO_MUCH}.get(trial.plan.shape.rate, said)


def _limit(knee: Knee) -> str:
    """The last good rate beside what the workers can answer at most."""
    most = "the workers set no bound of their own"
    if knee.capacity_per_s is not None:
        most = f"the workers can answer {knee.capacity_per_s:.4g} a second at most"
    good = f"The last good rate is {_per_s(knee.last_good)}, and {most}."
    if knee.last_good is None and knee.first_bad is None:
        good = f"No rate was found that is good; {most}."
    elif knee.last_good is None:
        good = f"Not even the first rate was good, and {most}."
    where = "The search ended there" if knee.first_bad is None else f"At {_per_s(knee.first_bad)}"
    return f"{good} {where}: {shorten(knee.why)}."


def _per_s(rate: float | None) -> str:
    return NOT_MEASURED if rate is None else f"{rate:.4g} a second"
