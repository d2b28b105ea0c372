"""A report of each kind of result, in its usual shapes and with everything that can go wrong in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from labkit.analysis.analyse import analyse
from labkit.analysis.baseline import Agreement, Latencies
from labkit.analysis.diff import Side, compare_pair, compare_several, make_side
from labkit.model import BASELINE, Check, CheckedTrial, Comparison, Notice, PlannedTrial, ServerConfig, Trial
from labkit.model.finding import Examination, failed, ok, warning
from labkit.model.load import Knee, Verdict
from labkit.output.format import plural
from labkit.reports import Report
from labkit.reports.content.comparison import ComparisonReport
from labkit.reports.content.diff import DiffReport
from labkit.reports.content.doctor import DoctorReport
from labkit.reports.content.history import HistoryReport
from labkit.reports.content.load import LoadReport
from labkit.results.history import Entry, HistoryLoad, HistoryRow
from tests import load_samples, samples
from tests.load_samples import HOSTILE

NAMES = ("sync", "threads", "asyncio_gather")
LEAST = 0.05
HOSTILE_NAME = "a|b [red]c[/red] `_d_`"


def compared(comparison: Comparison) -> ComparisonReport:
    return ComparisonReport(analyse(comparison))


def spread(**slower: float) -> Comparison:
    """Five trials of each approach, each slower than the fastest possible one by its factor."""
    return samples.comparison(
        samples.plan(slower, repeat=5),
        lambda planned: samples.good_trial(planned, slower=slower[planned.approach] + planned.repeat / 10),
    )


def missing_trial() -> Comparison:
    """A clear winner of which one trial has a failed check."""
    comparison = spread(threads=1, sync=1)
    spoilt = next(checked for checked in comparison.trials if checked.trial.planned.approach == "threads")
    bad = replace(spoilt, checks=(Check("limit", ok=False, detail="at most 9 in flight, 3 allowed"),))
    return replace(comparison, trials=tuple(bad if each is spoilt else each for each in comparison.trials))


def disagreeing() -> ComparisonReport:
    """A comparison in which Locust measured other latencies than the harness."""
    report = compared(samples.comparison(samples.plan(["asyncio_semaphore", BASELINE])))
    point = report.analysis.comparison.plan.points[0]
    agreements = (
        Agreement(point, "median", Latencies(1.003, 1.002), Latencies(1.203, 1.002)),
        Agreement(point, "p99", Latencies(1.003, 1.002), Latencies(1.303, 1.302)),
    )
    return ComparisonReport(replace(report.analysis, agreements=agreements))


def hostile() -> Comparison:
    """A comparison in which approaches, the server and the machine wrote all texts."""

    def measure(planned: PlannedTrial) -> Trial:
        if planned.approach != HOSTILE_NAME:
            return samples.good_trial(planned, slower=planned.repeat)
        lines = (HOSTILE, "```", "end of fence", "x" * 5000)
        return samples.crashed_trial(planned, error=HOSTILE, last_lines=lines)

    comparison = samples.comparison(samples.plan([HOSTILE_NAME, "sync"], repeat=2), measure)
    odd = CheckedTrial(comparison.trials[0].trial, (Check("server_log", ok=False, detail=HOSTILE),))
    return replace(
        comparison,
        trials=(odd, *comparison.trials[1:]),
        unavailable={"trio": HOSTILE},
        notices=(Notice("odd", HOSTILE, HOSTILE),),
    )


def result(label: str, seed: int = 1, *, names: Any = NAMES, repeat: int = 8, **changes: Any) -> Side:
    """A comparison as one side of a diff; its makespans scatter by 1 %.

    `slower` maps approaches to a factor of their makespans, `unranked` names those of which no trial may be ranked.
    """
    random = Random(seed)
    factors, unranked = changes.pop("slower", {}), changes.pop("unranked", ())
    environment = changes.pop("environment", samples.ENVIRONMENT)

    def measure(planned: PlannedTrial) -> Trial:
        factor = factors.get(planned.approach, 1.0) * random.gauss(1, 0.01)
        trial = replace(samples.good_trial(planned), makespan_s=planned.ideal_s * 1.02 * factor)
        return replace(trial, outcome="failed") if planned.approach in unranked else trial

    measured = samples.comparison(samples.plan(names, repeat=repeat, **changes), measure, environment=environment)
    # The scaled makespan no longer fits the rows.
    return make_side(label, replace(measured, trials=tuple(replace(checked, checks=()) for checked in measured.trials)))


def machines(number: int, repeat: int = 10, **slower: float) -> list[Side]:
    """Results of several machines; `slower` maps ``m3`` to the factor by which machine 3 is slower."""
    return [
        result(f"laptop-{each:02}", each, repeat=repeat, slower=dict.fromkeys(NAMES, slower.get(f"m{each}", 1.0)))
        for each in range(number)
    ]


OTHER_MACHINE = replace(
    samples.ENVIRONMENT,
    runtime="docker",
    python="3.15.0",
    docker="28.0",
    compose="2.40",
    cpus=8,
    memory_bytes=16_000_000_000,
    kernel="Debian GNU/Linux 13 (trixie), kernel 7.0.1, x86_64",
    images={"server": "sha256:1"},
    packages={"requests": "3.0", "httpx": "1.0"},
    git_commit=None,
)
HOSTILE_MACHINE = replace(samples.ENVIRONMENT, kernel=HOSTILE, python="<b>3</b>")

ENTRIES = (
    Entry(
        id="20261122-120000-a1b2",
        state="complete",
        started_at="2026-11-22T12:00:00+00:00",
        mode="compare",
        approaches=samples.DEFAULT_NAMES,
        scenarios=("baseline",),
        rows=tuple(
            HistoryRow(name, "baseline", ServerConfig(workers, "sync", 1, 1.0), HistoryLoad(9, workers), 3, 3, verdict)
            for workers in (1, 3)
            for name, verdict in (("sync", "slower"), ("asyncio_gather", "fastest" if workers == 3 else "slower"))
        ),
        runtime="docker",
        trials=36,
        planned=36,
        ranked=36,
        rerun_of="20261121-120000-0001",
    ),
    Entry(
        id="20261121-120000-0001",
        state="incomplete",
        started_at="2026-11-21T12:00:00+00:00",
        mode="compare",
        approaches=("sync", "threads"),
        scenarios=("flaky", "timeouts"),
        rows=(
            HistoryRow("sync", "flaky", ServerConfig(3, "sync", 1, 0.1), HistoryLoad(30, 3), 2, 2, "no clear winner"),
            HistoryRow("threads", "flaky", ServerConfig(3, "sync", 1, 0.1), HistoryLoad(30, 3), 1, 1, "one trial"),
        ),
        runtime="local",
        trials=3,
        planned=4,
        ranked=3,
    ),
    Entry(
        id="20261120-120000-00ff",
        state="complete",
        started_at="2026-11-20T12:00:00+00:00",
        mode="load",
        scenarios=("baseline",),
        rows=tuple(
            HistoryRow(
                BASELINE,
                "baseline",
                ServerConfig(3, "sync", 1, 1.0),
                HistoryLoad(None, 1000, rate=rate, mode="open", users=1000),
                1,
                1,
                "sound",
            )
            for rate in (1.0, 2.0, 2.5)
        ),
        runtime="local",
        trials=3,
        planned=3,
        ranked=3,
    ),
    Entry("20261119-120000-dead", "cut off", "2026-11-19T12:00:00Z", "compare", ("sync",), trials=2),
    Entry("20261118-120000-f00d", "running", "2026-11-18T12:00:00Z", "compare", ("sync",), trials=2),
    Entry("20261118-120000-beef", "damaged", "2026-11-18T12:00:00+00:00", problem="JSON is malformed (byte 0)"),
    Entry("holiday pictures", "foreign", "", problem="neither result.json nor trials.jsonl"),
)

EXAMINATION = Examination(
    datetime(2026, 1, 2, tzinfo=UTC),
    (
        ok("python", "CPython 3.13.1"),
        warning(
            "engine",
            "does not answer at unix:///var/run/docker.sock: the command waited for ten seconds; "
            f"{plural(3, 'container')} of an earlier run may still be there",
            "sudo systemctl start docker && docker ps --all --filter label=concurrency-lab --no-trunc",
            version=None,
        ),
        failed("environment", "\x1b[31mno room", "Free at least 1 GB.", free_bytes=100_000_000),
    ),
)


def search(knee: Knee) -> LoadReport:
    return LoadReport(load_samples.search(knee=knee))


REPORTS: dict[str, Report] = {
    "comparison/one_trial": compared(samples.comparison()),
    "comparison/repeats": compared(samples.comparison(samples.plan(repeat=5))),
    "comparison/fastest": compared(spread(threads=1, asyncio_gather=20, sync=1)),
    "comparison/missing_trial": compared(missing_trial()),
    "comparison/one_ranked": compared(
        samples.comparison(
            samples.plan(["sync", "threads"], repeat=2),
            lambda planned: (
                samples.crashed_trial(planned) if planned.approach == "sync" else samples.good_trial(planned)
            ),
        )
    ),
    "comparison/none_ranked": compared(
        samples.comparison(samples.plan(["sync", "threads"], repeat=2), samples.crashed_trial)
    ),
    "comparison/troubled": compared(samples.troubled_comparison()),
    "comparison/faults": compared(samples.comparison(samples.of_scenario("flaky"), samples.coping_trial)),
    "comparison/never_sent": compared(
        samples.comparison(samples.of_scenario("flaky", ["sync"]), samples.crashed_trial)
    ),
    "comparison/handling": compared(samples.comparison(samples.of_scenario("cpu", NAMES))),
    "comparison/grid": compared(
        samples.comparison(
            samples.plan(
                ["sync"], requests=[1, 3], worker_classes=["gthread"], delays_s=[0.005], pythons=["python3.14"]
            ),
            lambda planned: samples.good_trial(planned, gil=planned.point.load.requests == 1),
        )
    ),
    "comparison/disagreement": disagreeing(),
    "comparison/hostile": compared(hostile()),
    "load/closed": LoadReport(load_samples.load_run(load_samples.closed_trial())),
    "load/open": LoadReport(load_samples.load_run()),
    "load/overloaded": LoadReport(load_samples.load_run(load_samples.overloaded_trial())),
    "load/requests": LoadReport(
        load_samples.load_run(load_samples.open_trial(plan=load_samples.open_plan(requests=1)))
    ),
    "load/crashed": LoadReport(load_samples.load_run(load_samples.crashed_trial())),
    "load/interrupted": LoadReport(load_samples.interrupted()),
    "load/thresholds": LoadReport(
        load_samples.load_run(
            verdicts=(
                Verdict("p99 > 3", 3.3528, failed=True),
                Verdict("failed > 1%", 0.25, failed=False),
                Verdict("queue > 9", None, failed=False),
            )
        )
    ),
    "load/errors": LoadReport(
        load_samples.load_run(
            load_samples.closed_trial(errors=tuple((f"kind {number}", 100 - number) for number in range(11)))
        )
    ),
    "load/nothing": LoadReport(load_samples.load_run(trials=())),
    "load/search": LoadReport(load_samples.search()),
    "load/search_spoilt": LoadReport(
        load_samples.search(
            trials=tuple(
                replace(trial, checks=(Check("server_log", ok=False, detail="odd"),))
                if trial.plan.order == 1
                else trial
                for trial in load_samples.search().trials
            )
        )
    ),
    "load/search_first_bad": search(Knee(None, 1.0, "errors", 3.0)),
    "load/search_no_good": search(Knee(None, None, "inconclusive at 1 per second: other programs ran", 3.0)),
    "load/search_no_limit": search(Knee(3.5, None, "no limit found in 4 steps", None)),
    "load/hostile": LoadReport(load_samples.hostile()),
    "diff/pair": DiffReport(
        compare_pair(result("a" * 30), result("b", 2, slower={"sync": 1.5, "threads": 0.7}), LEAST)
    ),
    "diff/changes": DiffReport(
        compare_pair(
            result("before", names=["sync", "threads"], workers=[1, 3]),
            result(
                "after",
                2,
                names=["threads", "asyncio_gather"],
                workers=[3, 9],
                delays_s=[1.0],
                environment=OTHER_MACHINE,
            ),
            LEAST,
        )
    ),
    "diff/few": DiffReport(compare_pair(result("a", repeat=2), result("b", 2, repeat=2), LEAST)),
    "diff/unranked": DiffReport(
        compare_pair(
            result("a", names=["sync", "threads", BASELINE]),
            result("b", 2, names=["sync", "threads", BASELINE], unranked=["threads"]),
            LEAST,
        )
    ),
    "diff/nothing": DiffReport(compare_pair(result("a", names=["sync"]), result("b", names=["threads"]), LEAST)),
    "diff/several": DiffReport(compare_several(machines(5, m3=1.5, m4=0.6), LEAST)),
    "diff/several_few": DiffReport(compare_several([*machines(3, repeat=2), result("other", names=["sync"])], LEAST)),
    "diff/hostile": DiffReport(compare_pair(result(HOSTILE), result("b", environment=HOSTILE_MACHINE), LEAST)),
    "history/entries": HistoryReport(ENTRIES, Path("results")),
    "history/nothing": HistoryReport((), Path("results")),
    "history/hostile": HistoryReport((replace(ENTRIES[0], id=HOSTILE, approaches=(HOSTILE,)),), Path("results")),
    "doctor/failed": DoctorReport(EXAMINATION),
    "doctor/ready": DoctorReport(replace(EXAMINATION, findings=EXAMINATION.findings[:2])),
    "doctor/hostile": DoctorReport(replace(EXAMINATION, findings=(warning("engine", HOSTILE, HOSTILE),))),
}
