"""The checks of a load: as those of a trial, of figures that were counted while it ran."""

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

# One process of the load generator is one loop: past this share of a processor requests wait for it as well.
GENERATOR_SHARE = 0.90


@dataclass(frozen=True, slots=True)
class Resources:
    """What a load took, as seen from outside; what could not be read is None.

    `cpu_s` is the load generator's processor time from zero on. From the start signal on, when it starts its workers
    too, it took `whole_cpu_s`, and the whole machine `machine_cpu_s` on `cpus` processors in `lasted_s`.
    `socket_points` are (seconds since zero, requests in flight by the generator's sockets), in order of time.
    `ended_early` says that a person or a threshold ended the load before its time.
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
    """The verdict of every check, in a fixed order."""
    return tuple(check(plan, totals, resources) for check in CHECKS)


def accounted(_plan: LoadPlan, totals: Totals, _resources: Resources) -> Check:
    """Every arrival is ok, failed or not begun, each id once, and all that began ended."""
    counts = totals.counts
    told = counts.ok + counts.failed + counts.unfinished + counts.not_begun
    faults = [
        _these("began more than once", totals.duplicates),
        _these("out of turn", totals.out_of_turn),
        _these("ended without having begun", totals.ended_unknown),
        f"{counts.unfinished} began and never ended" if counts.unfinished else None,
        f"{counts.arrivals} arrivals, and {told} accounted for" if counts.arrivals != told else None,
    ]
    good = f"{counts.arrivals} arrivals: {counts.ok} ok, {counts.failed} failed, {counts.not_begun} not begun"
    return _verdict("accounted", faults, good)


def server_log(_plan: LoadPlan, totals: Totals, _resources: Resources) -> Check:
    """The server's log holds what was answered, once, and nothing that was not asked for."""
    faults = [
        _these("not in the server's log", totals.server.unlogged),
        _these("in the server's log alone", totals.server.log_only),
        _these("in the server's log more than once", totals.server.logged_again),
    ]
    return _verdict("server_log", faults, "the server logged the same requests")


def containment(_plan: LoadPlan, totals: Totals, _resources: Resources) -> Check:
    """The time that the client gives a request contains the time that the server gives it."""
    faults = [_these("served outside the client's own time", totals.server.outside)]
    return _verdict("containment", faults, "each client duration contains the server's")


def limit(plan: LoadPlan, totals: Totals, _resources: Resources) -> Check:
    """There were never more in flight than users."""
    most, users = totals.max_in_flight, plan.shape.users
    if most is None:
        return Check("limit", None, "no request was sent")
    return Check("limit", most <= users, f"at most {most} in flight, {users} allowed")


def server_delay(plan: LoadPlan, totals: Totals, _resources: Resources) -> Check:
    """The server kept its delay."""
    wanted_s, slowest_s = plan.server.delay_s, totals.server.slowest_s
    if slowest_s is None:
        return Check("server_delay", None, "the server logged nothing")
    most_s = wanted_s * (1 + DELAY_TOLERANCE) + DELAY_SLACK_S
    faults = [_these(f"not served in {wanted_s:g} to {most_s:.3g} s", totals.server.wrong_delay)]
    return _verdict("server_delay", faults, f"slowest {slowest_s:.3f} s of {wanted_s:g} s")


def littles_law(_plan: LoadPlan, totals: Totals, resources: Resources) -> Check:
    """In flight as the kernel's sockets show it = throughput × mean latency of the client's rows.

    J. D. C. Little, "A Proof for the Queuing Formula: L = λW", Operations Research 9 (1961). It holds exactly over
    a stretch at whose end nothing is in flight: until the last request ended, be it with an answer or without.
    """
    name, points = "littles_law", [(t_s, float(count)) for t_s, count in resources.socket_points]
    if resources.makespan_s is None or totals.last_end_s is None or not points:
        return Check(name, None, "the sockets could not be read from outside")
    end_s = max(resources.makespan_s, totals.last_end_s)
    within = sum(0 <= t_s <= end_s for t_s, _ in points)
    if within < LITTLE_MIN_SAMPLES:
        return Check(name, None, f"too short to tell: {within} samples, {LITTLE_MIN_SAMPLES} needed")
    seen = time_average(points, 0.0, end_s)
    if seen is None:
        return Check(name, None, "the samples do not span the load")
    told = totals.latency_sum_s / end_s
    # Each request's two ends fall somewhere between two samples: in a gap as long as a moment of the load meets on
    # average. The widest gap, which a trial of a few requests allows for, is one of very many here.
    gaps_s = [later - earlier for (earlier, _), (later, _) in pairwise(points) if later > 0 and earlier < end_s]
    gap_s = sum(gap * gap for gap in gaps_s) / sum(gaps_s)
    ended = totals.counts.ok + totals.counts.failed
    allowed = LITTLE_TOLERANCE * told + ended * gap_s / end_s
    return Check(name, abs(seen - told) <= allowed, f"{seen:.2f} in flight by sockets, {told:.2f} by the client's rows")


def schedule(plan: LoadPlan, totals: Totals, resources: Resources) -> Check:
    """Every arrival of the schedule came, however late: a generator that falls behind may leave none out."""
    shape = plan.shape
    if not isinstance(shape, Open) or resources.ended_early:
        return Check("schedule", None, "there is no schedule to keep to its end")
    until_s = inf if plan.duration_s is None else plan.duration_s
    due = islice(offsets(shape.rate, shape.arrivals, shape.seed), plan.requests)
    wanted = sum(1 for _ in takewhile(lambda offset_s: offset_s < until_s, due))
    came = totals.counts.arrivals
    return Check("schedule", came == wanted, f"{came} arrivals, {wanted} by the schedule")


def generator(plan: LoadPlan, totals: Totals, resources: Resources) -> Check:
    """The load generator kept up: what was slow was not itself."""
    if any("Too many open files" in what for what, _ in totals.errors):
        hint = "raise the limit, as with `ulimit -n 8192`, or ask for fewer --users"
        return Check("generator", False, f"the load generator may not open as many files here: {hint}")
    if resources.cpu_s is None or not resources.makespan_s:
        return Check("generator", None, "the load generator's processor time could not be read")
    share = resources.cpu_s / (resources.makespan_s * max(1, plan.processes))
    detail = f"the load generator used {share:.0%} of a processor a process, {GENERATOR_SHARE:.0%} may"
    if share <= GENERATOR_SHARE:
        return Check("generator", True, detail)
    return Check("generator", False, f"{detail}: the figures tell of it more than of the server; try more --processes")


def quiet_machine(_plan: LoadPlan, _totals: Totals, resources: Resources) -> Check:
    """Neither the lab nor another program had the processors busy."""
    machine_cpu_s, cpu_s = resources.machine_cpu_s, resources.whole_cpu_s
    if machine_cpu_s is None or cpu_s is None or not resources.cpus or not resources.lasted_s:
        return Check("quiet_machine", None, "the machine's processor time could not be read")
    others_s = max(0.0, machine_cpu_s - cpu_s - (resources.server_cpu_s or 0.0))
    share = others_s / (resources.cpus * resources.lasted_s)
    detail = f"{share:.0%} of the processors' time went to others, {BUSY_SHARE:.0%} may"
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
