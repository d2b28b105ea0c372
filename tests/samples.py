"""Realistic measurements for tests: trials that pass every check, and ways to spoil them.

The lab's own functions make them: `make_plan` the plans, `check_trial` the checks. A test sets the values that it
examines by keywords, which go to `dataclasses.replace`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from heapq import heapify, heapreplace
from typing import Any

from clients.harness.catalogue import Approach
from labkit import scenarios
from labkit.analysis.analyse import analyse
from labkit.analysis.checks import check_trial
from labkit.model import (
    BASELINE,
    CheckedTrial,
    Comparison,
    Environment,
    GridPoint,
    Load,
    Notice,
    Plan,
    PlannedTrial,
    RequestRow,
    SampleRow,
    ServerConfig,
    ServerRow,
    Trial,
    WorkerClass,
)
from labkit.plan.grid import Grid, make_plan
from labkit.results import document as results
from labkit.results.read_comparison import decode_comparison

CLIENT_PID = 4100
WORKER_PID = 70
# The time of connecting, sending and receiving, on either side of the server's own time.
WIRE_S = 0.002
# The excess of a sleep over its argument.
TIMER_S = 0.0001
# From one attempt at a request to the next.
RETRY_S = 0.01

# Name: the most requests in flight by its own nature, and whether it takes a limit.
_APPROACHES: dict[str, tuple[int | None, bool]] = {
    "sync": (1, False),
    "threads": (None, False),
    "thread_pool": (None, True),
    "asyncio_gather": (None, False),
    "asyncio_semaphore": (None, True),
    "process_pool": (None, True),
}
DEFAULT_NAMES = tuple(_APPROACHES)

ENVIRONMENT = Environment(
    runtime="local",
    runtime_reason="no engine answered",
    python="3.14.0",
    docker=None,
    compose=None,
    cpus=2,
    memory_bytes=8_000_000_000,
    kernel="6.18.0",
    images={},
    packages={"requests": "2.32.5", "aiohttp": "3.13.2"},
    git_commit="0123456789abcdef",
)


def approach(name: str = "threads", **changes: Any) -> Approach:
    """The description of the approach's file; all but the baseline handle bodies. An unknown name takes no limit."""
    most, takes_limit = _APPROACHES.get(name, (None, False))
    keywords = frozenset({"limit"} if takes_limit else ()) | frozenset(() if name == BASELINE else {"handle"})
    return replace(Approach(name, f"How {name} does it.", keywords, most, None), **changes)


def point(
    *,
    requests: int = 9,
    workers: int = 3,
    delay_s: float = 1.0,
    limit: int | None = None,
    worker_class: WorkerClass = "sync",
    worker_threads: int = 1,
) -> GridPoint:
    """A grid point; without `limit` it is one per slot, as in the lab."""
    server = ServerConfig(workers, worker_class, worker_threads, delay_s)
    return GridPoint(server, Load(requests, min(requests, workers * worker_threads) if limit is None else limit))


def plan(names: Iterable[str] = DEFAULT_NAMES, *, repeat: int = 1, seed: int = 1, **axes: Any) -> Plan:
    """The plan for `names`; `axes` are those of `Grid`, each a list."""
    grid: dict[str, Any] = {
        "requests": [9],
        "workers": [3],
        "worker_classes": ["sync"],
        "worker_threads": [1],
        "delays_s": [1.0],
        "limits": [],
        "trial_timeout_s": None,
    }
    return make_plan({name: approach(name) for name in names}, Grid(repeat=repeat, **grid | axes), seed)


def of_scenario(name: str, names: Iterable[str] = ("sync", "threads"), **axes: Any) -> Plan:
    """The plan for `names` in a scenario, with the load that it asks for."""
    own: dict[str, Any] = {"scenarios": {name: scenarios.load(name)}, "requests": [], "delays_s": []}
    return plan(names, **own | axes)


def planned(name: str = "threads", **where: Any) -> PlannedTrial:
    """The one trial of `name` at the grid point that `point(**where)` describes."""
    at = point(**where)
    axes: dict[str, Any] = {
        "requests": [at.load.requests],
        "workers": [at.server.workers],
        "worker_classes": [at.server.worker_class],
        "worker_threads": [at.server.worker_threads],
        "delays_s": [at.server.delay_s],
        "limits": [at.load.limit],
    }
    return plan([name], **axes).trials[0]


def good_trial(wanted: PlannedTrial | None = None, *, slower: float = 1.0, **changes: Any) -> Trial:
    """A trial that passes every check: as many clients as the bound allows queue for the server's slots.

    `slower` stretches what is not the server's delay, so that repeats can differ from each other.
    """
    wanted = wanted or planned()
    requests = _requests(wanted, WIRE_S * slower)
    least_s = wanted.ideal_s if wanted.point.load.handle_s else 0.0  # the handling, which the rows do not show
    makespan_s = max(least_s, *(row.end_s or 0.0 for row in requests)) + 0.001 * slower
    cpu_s = 0.05 + 0.002 * len(requests)
    server_cpu_s = 0.001 * len(requests)
    trial = Trial(
        planned=wanted,
        outcome="ok",
        error=None,
        python="3.14.0",
        cold_start_s=0.18,
        makespan_s=makespan_s,
        requests=requests,
        samples=_samples(requests, makespan_s, wanted.bound, cpu_s),
        answers=tuple(range(1, len(requests) + 1)),
        cpu_s=cpu_s,
        machine_cpu_s=cpu_s + server_cpu_s + 0.01,
        server_cpu_s=server_cpu_s,
        cpus=2,
    )
    return replace(trial, **changes)


def without_requests(trial: Trial, *ids: int) -> Trial:
    """`trial`, as if the client had never sent `ids`."""
    return replace(trial, requests=tuple(row for row in trial.requests if row.id not in ids))


def with_rows(trial: Trial, *ids: int, **changes: Any) -> Trial:
    """`trial` with `changes` made to its request rows `ids`, or to all of them where none is named."""
    return replace(
        trial,
        requests=tuple(replace(row, **changes) if not ids or row.id in ids else row for row in trial.requests),
    )


def coping_trial(wanted: PlannedTrial | None = None, **changes: Any) -> Trial:
    """A trial on a server with faults: request 1 is refused and banned before it is answered, 2 gets a 503 and another,
    3 is answered after a reset, 4 hangs. What is returned for 2 and 4 is an exception.
    """
    good = good_trial(wanted)
    rows: list[RequestRow] = []
    for row in good.requests:
        match row.id:
            case 1:
                refusals = [_attempt(row, 1, 429, "refused"), _attempt(row, 2, 403, "banned")]
                rows += [*refusals, _later(replace(row, attempt=3), 2 * RETRY_S)]
            case 2:
                rows += [_attempt(row, number, 503, "unavailable") for number in (1, 2)]
            case 3:
                reset = replace(_attempt(row, 1, 200, "reset_within"), error="closed after 5 of 27 bytes", bytes=5)
                rows += [reset, _later(replace(row, attempt=2), RETRY_S)]
            case 4:
                rows.append(replace(row, end_s=None, first_byte_s=None, status=None, bytes=None, server=None))
            case _:
                rows.append(row)
    lost = {2: "HTTPError: 503 Server Error", 4: "TimeoutError"}
    count = wanted.point.load.requests if wanted else len(good.requests)
    outcome: dict[str, Any] = {
        "outcome": "failed",
        "error": f"2 of {count} requests failed; request 2: status 503",
        "makespan_s": max(row.end_s or 0.0 for row in rows) + 0.001,
        "requests": tuple(sorted(rows, key=lambda row: row.start_s)),
        "answers": tuple(None if number in lost else number for number in range(1, count + 1)),
        "causes": tuple(lost.get(number) for number in range(1, count + 1)),
        "gil": True,
    }
    return replace(good, **outcome | changes)


def crashed_trial(wanted: PlannedTrial | None = None, **changes: Any) -> Trial:
    """A trial whose client died half-way, with the rows until then."""
    good = good_trial(wanted)
    left: dict[str, Any] = {
        "outcome": "crashed",
        "error": "the client was killed by SIGKILL",
        "makespan_s": None,
        "requests": good.requests[: len(good.requests) // 2],
        "answers": None,
        "cpu_s": None,
        "machine_cpu_s": None,
        "last_lines": ("fetching 4", "fetching 5"),
    }
    return replace(good, **left | changes)


def checked(trial: Trial | None = None) -> CheckedTrial:
    """`trial` with the results of the lab's own checks."""
    trial = trial or good_trial()
    return CheckedTrial(trial, check_trial(trial))


def comparison(
    of: Plan | None = None, measure: Callable[[PlannedTrial], Trial] | None = None, **changes: Any
) -> Comparison:
    """A comparison in which every planned trial of an available approach ran; `measure` makes them.

    Without `measure` all are good, and a later repeat of an approach is a little slower than its first.
    """
    of = of or plan()
    measure = measure or (lambda wanted: good_trial(wanted, slower=1 + wanted.repeat / 10))
    absent = changes.get("unavailable", {})
    whole = Comparison(
        id="20261122-120000-a1b2",
        started_at="2026-11-22T12:00:00Z",
        command="lab.py compare",
        plan=of,
        environment=ENVIRONMENT,
        trials=tuple(checked(measure(wanted)) for wanted in of.trials if wanted.approach not in absent),
        unavailable={},
        notices=(),
    )
    return replace(whole, **changes)


def document(whole: Comparison) -> dict[str, Any]:
    """The result document of `whole`, as `--format json` prints it."""
    return results.document(analyse(whole))


def read_back(tree: dict[str, Any]) -> Comparison:
    """The comparison that the lab reads from the document `tree`."""
    return decode_comparison(json.dumps(tree).encode())


def troubled_comparison(repeat: int = 1, **axes: Any) -> Comparison:
    """A comparison with every kind of trouble that reports show; only sync and asyncio_gather have none."""

    def measure(wanted: PlannedTrial) -> Trial:
        good = good_trial(wanted, slower=1 + wanted.repeat / 10)
        match wanted.approach:
            case "threads":
                return with_rows(good, 3, server=None)
            case "thread_pool":
                return crashed_trial(wanted)
            case "asyncio_semaphore":
                lines = tuple(f"still waiting, round {number}" for number in range(40))
                error = f"no end after {wanted.timeout_s:g} s"
                return crashed_trial(wanted, outcome="timeout", error=error, last_lines=lines)
            case "process_pool":
                spoilt = with_rows(good, 2, status=500)
                return replace(spoilt, outcome="failed", error="1 of 9 requests failed; request 2: status 500")
        return good

    two_grid_points: dict[str, Any] = {"worker_classes": ["sync", "gthread"], "worker_threads": [1, 2]}
    whole = plan((*DEFAULT_NAMES, "interpreter_pool"), repeat=repeat, **two_grid_points | axes)
    return comparison(
        whole,
        measure,
        unavailable={"interpreter_pool": "needs Python 3.14"},
        notices=(
            Notice("unavailable", "interpreter_pool needs Python 3.14", "`python lab.py approaches` lists all."),
            *(Notice("left_out", f"left out: {combination}") for combination in whole.left_out),
            Notice("stopped", "the engine has gone", "Start Docker again.\nOr pass --runtime local."),
        ),
    )


def _attempt(row: RequestRow, number: int, status: int, did: str) -> RequestRow:
    """A short attempt at `row`'s request, refused by the server at once."""
    assert row.server is not None
    short = _later(row, (number - 1) * RETRY_S)
    served = replace(row.server, start_s=short.start_s + WIRE_S, end_s=short.start_s + 2 * WIRE_S, status=status)
    return replace(
        short,
        first_byte_s=short.start_s + 3 * WIRE_S,
        end_s=short.start_s + 4 * WIRE_S,
        status=status,
        attempt=number,
        server=replace(served, did=did, attempt=number),
    )


def _later(row: RequestRow, by_s: float) -> RequestRow:
    """`row`, with all its times later by `by_s`."""

    def moved(moment_s: float | None) -> float | None:
        return None if moment_s is None else moment_s + by_s

    served = row.server and replace(row.server, start_s=row.server.start_s + by_s, end_s=row.server.end_s + by_s)
    return replace(
        row,
        start_s=row.start_s + by_s,
        connected_s=moved(row.connected_s),
        sent_s=moved(row.sent_s),
        first_byte_s=moved(row.first_byte_s),
        end_s=moved(row.end_s),
        server=served,
    )


def _requests(wanted: PlannedTrial, wire_s: float) -> tuple[RequestRow, ...]:
    """First come, first served: each request takes the client's next free place, then the server's next free slot."""
    count, delay_s = wanted.point.load.requests, wanted.point.server.delay_s
    places = [(0.001, lane) for lane in range(min(wanted.bound, count))]
    slots = [(0.0, worker) for worker in range(wanted.point.server.slots or count)]
    heapify(places)
    heapify(slots)
    rows = []
    for number in range(1, count + 1):
        start_s, lane = places[0]
        free_s, worker = slots[0]
        served_s = max(start_s + wire_s, free_s)
        left_s = served_s + delay_s + TIMER_S
        end_s = left_s + wire_s
        heapreplace(places, (end_s, lane))
        heapreplace(slots, (left_s, worker))
        rows.append(
            RequestRow(
                id=number,
                lane=f"thread {lane + 1}",
                pid=CLIENT_PID,
                start_s=start_s,
                connected_s=start_s + wire_s / 4,
                sent_s=start_s + wire_s / 2,
                first_byte_s=end_s - wire_s / 2,
                end_s=end_s,
                status=200,
                bytes=27,
                error=None,
                server=ServerRow(number, WORKER_PID + worker, served_s, left_s, 200),
            )
        )
    return tuple(rows)


def _samples(requests: tuple[RequestRow, ...], makespan_s: float, threads: int, cpu_s: float) -> tuple[SampleRow, ...]:
    """The sampler's view, every 20 ms or a hundred times in a trial, from just before it to just after."""
    step_s = min(0.02, makespan_s / 100)
    moments = [step_s * number for number in range(-1, int(makespan_s / step_s) + 3)]
    return tuple(
        SampleRow(
            t_s=t_s,
            threads=threads + 1,
            processes=1,
            cpu_s=cpu_s * min(max(t_s / makespan_s, 0.0), 1.0),
            memory_bytes=38_000_000 + 500_000 * threads,
            in_flight=sum(row.server is not None and row.start_s <= t_s < row.server.end_s for row in requests),
        )
        for t_s in moments
    )
