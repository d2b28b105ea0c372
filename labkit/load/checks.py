"""Check a load, as `labkit.analysis.checks` checks a trial, by the figures that were counted while it ran."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice, pairwise, takewhile
from math import inf

from labkit.analysis.checks import (
    BUSY_SHARE,
    DELAY_SLACK_S,
    DELAY_TOLERANCE,
    LITTLE_MIN_SAMPLES,
    LITTLE_TOLERANCE,
)
from labkit.analysis.statistics import time_average
from labkit.load.totals import Ids, Totals
from labkit.model import Check
from labkit.model.load import LoadPlan, Open
from loadtest.schedule import offsets

# A process of the load generator is one event loop: above this share of a processor, requests wait for it.
GENERATOR_SHARE = 0.90


@dataclass(frozen=True, slots=True)
class Resources:
    """Resources that a load used, as measured from outside; None where they could not be read.

    `cpu_s` is the load generator's processor time from zero on. Since the start signal, which includes the start of its
    workers, it used `whole_cpu_s`, and the whole machine `machine_cpu_s` on `cpus` processors in `lasted_s`.
    `socket_points` are (seconds since zero, requests in flight by the generator's sockets), in order of time.
    `ended_early` is true if the user or a threshold ended the load.
    """

    cpu_s: float | None
    whole_cpu_s: float | None
    machine_cpu_s: float | None
    server_cpu_s: float | None
    cpus: int | None
    makespan_s: float | None
    socket_points: tuple[tuple[float, int], ...]
    ended_early: bool = False
    lasted_s: float | None = None


def check_load(plan: LoadPlan, totals: Totals, resources: Resources) -> tuple[Check, ...]:
    """Every check, in a fixed order."""
    return tuple(check(plan, totals, resources) for check in CHECKS)


def accounted(_plan: LoadPlan, totals: Totals, _resources: Resources) -> Check:
    """Every arrival is ok, failed or not begun, each id occurs once, and every begun request ended."""
    counts = totals.counts
    accounted_for = counts.ok + counts.failed + counts.unfinished + counts.not_begun
    faults = [
        _these("began more than once", totals.duplicates),
        _these("out of turn", totals.out_of_turn),
        _these("ended without having begun", totals.ended_unknown),
        f"{counts.unfinished} began and never ended" if counts.unfinished else None,
        f"{counts.arrivals} arrivals, {accounted_for} accounted for" if counts.arrivals != accounted_for else None,
    ]
    good = f"{counts.arrivals} arrivals: {counts.ok} ok, {counts.failed} failed, {counts.not_begun} not begun"
    return _verdict("accounted", faults, good)


def server_log(_plan: LoadPlan, totals: Totals, _resources: Resources) -> Check:
    """The server's log holds every answered request once, and no request that was not sent."""
    faults = [
        _these("not in the server's log", totals.server.unlogged),
        _these("only in the server's log", totals.server.log_only),
        _these("in the server's log more than once", totals.server.logged_again),
    ]
    return _verdict("server_log", faults, "the server logged the same requests")


def containment(_plan: LoadPlan, totals: Totals, _resources: Resources) -> Check:
    """Each client duration contains the server's."""
    faults = [_these("served outside the client's duration", totals.server.outside)]
    return _verdict("containment", faults, "each client duration contains the server's")


def limit(plan: LoadPlan, totals: Totals, _resources: Resources) -> Check:
    """There were never more requests in flight than users."""
    most, users = totals.max_in_flight, plan.shape.users
    if most is None:
        return Check("limit", None, "no request was sent")
    return Check("limit", most <= users, f"at most {most} in flight, limit {users}")


def server_delay(plan: LoadPlan, totals: Totals, _resources: Resources) -> Check:
    """The server kept its delay."""
    delay_s, slowest_s = plan.server.delay_s, totals.server.slowest_s
    if slowest_s is None:
        return Check("server_delay", None, "the server logged nothing")
    most_s = delay_s * (1 + DELAY_TOLERANCE) + DELAY_SLACK_S
    faults = [_these(f"not served in {delay_s:g} to {most_s:.3g} s", totals.server.wrong_delay)]
    return _verdict("server_delay", faults, f"slowest {slowest_s:.3f} s, delay {delay_s:g} s")


def littles_law(_plan: LoadPlan, totals: Totals, resources: Resources) -> Check:
    """Requests in flight by the kernel's sockets = throughput × mean latency of the client's rows.

    J. D. C. Little, "A Proof for the Queuing Formula: L = λW", Operations Research 9 (1961). It is exact for an
    interval at whose end no request is in flight: until the last request ended, answered or not.
    """
    name, points = "littles_law", [(t_s, float(count)) for t_s, count in resources.socket_points]
    if resources.makespan_s is None or totals.last_end_s is None or not points:
        return Check(name, None, "the sockets could not be read from outside")
    end_s = max(resources.makespan_s, totals.last_end_s)
    within = sum(0 <= t_s <= end_s for t_s, _ in points)
    if within < LITTLE_MIN_SAMPLES:
        return Check(name, None, f"too short: {within} samples, {LITTLE_MIN_SAMPLES} needed")
    seen = time_average(points, 0.0, end_s)
    if seen is None:
        return Check(name, None, "the samples do not span the load")
    by_rows = totals.latency_sum_s / end_s
    # Both ends of a request lie between two samples: in a gap of the length that a random moment of the load has on
    # average. The check of a trial, which has few gaps, allows for the widest one.
    gaps_s = [later - earlier for (earlier, _), (later, _) in pairwise(points) if later > 0 and earlier < end_s]
    gap_s = sum(gap * gap for gap in gaps_s) / sum(gaps_s)
    ended = totals.counts.ok + totals.counts.failed
    allowed = LITTLE_TOLERANCE * by_rows + ended * gap_s / end_s
    detail = f"{seen:.2f} in flight by sockets, {by_rows:.2f} by the client's rows"
    return Check(name, abs(seen - by_rows) <= allowed, detail)


def schedule(plan: LoadPlan, totals: Totals, resources: Resources) -> Check:
    """Every scheduled arrival occurred, however late: a generator that falls behind must not skip any."""
    shape = plan.shape
    if not isinstance(shape, Open) or resources.ended_early:
        return Check("schedule", None, "no schedule, or the load was ended early")
    until_s = inf if plan.duration_s is None else plan.duration_s
    due = islice(offsets(shape.rate, shape.arrivals, shape.seed), plan.requests)
    scheduled = sum(1 for _ in takewhile(lambda offset_s: offset_s < until_s, due))
    arrivals = totals.counts.arrivals
    return Check("schedule", arrivals == scheduled, f"{arrivals} arrivals, {scheduled} scheduled")


def generator(plan: LoadPlan, totals: Totals, resources: Resources) -> Check:
    """The load generator had enough processor time, so that it did not slow the load itself."""
    if any("Too many open files" in cause for cause, _ in totals.errors):
        hint = "raise it, as with `ulimit -n 8192`, or lower --users"
        return Check("generator", False, f"the limit of open files is too low for the load generator: {hint}")
    if resources.cpu_s is None or not resources.makespan_s:
        return Check("generator", None, "the load generator's processor time could not be read")
    share = resources.cpu_s / (resources.makespan_s * max(1, plan.processes))
    detail = f"the load generator used {share:.0%} of a processor per process, limit {GENERATOR_SHARE:.0%}"
    if share <= GENERATOR_SHARE:
        return Check("generator", True, detail)
    return Check("generator", False, f"{detail}: it slowed the load down; raise --processes")


def quiet_machine(_plan: LoadPlan, _totals: Totals, resources: Resources) -> Check:
    """Other programs left the processors to the load."""
    machine_cpu_s, cpu_s = resources.machine_cpu_s, resources.whole_cpu_s
    if machine_cpu_s is None or cpu_s is None or not resources.cpus or not resources.lasted_s:
        return Check("quiet_machine", None, "the machine's processor time could not be read")
    others_s = max(0.0, machine_cpu_s - cpu_s - (resources.server_cpu_s or 0.0))
    share = others_s / (resources.cpus * resources.lasted_s)
    detail = f"other programs used {share:.0%} of the processors' time, limit {BUSY_SHARE:.0%}"
    return Check("quiet_machine", share <= BUSY_SHARE, detail)


CHECKS: tuple[Callable[[LoadPlan, Totals, Resources], Check], ...] = (
    accounted,
    server_log,
    containment,
    limit,
    server_delay,
    littles_law,
    schedule,
    generator,
    quiet_machine,
)


def _these(fault: str, ids: Ids) -> str | None:
    if not ids.count:
        return None
    more = ids.count - len(ids.first)
    return f"{fault}: {', '.join(map(str, ids.first))}{f' and {more} more' if more else ''}"


def _verdict(name: str, faults: list[str | None], good: str) -> Check:
    found = [fault for fault in faults if fault is not None]
    return Check(name, not found, "; ".join(found) or good)
