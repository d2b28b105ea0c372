"""The checks: a trial's figures are ranked only if every one of them holds.

Each is a pure function of a trial's raw rows and asks one question. Client and server rows come from different
processes, and the sockets from the kernel: where these witnesses agree, the figures deserve trust.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from itertools import pairwise

from labkit.figures import max_in_flight
from labkit.model import Check, ServerRow, Trial
from labkit.statistics import time_average

# A sleep may last longer by the timer's slack and by what else runs; a tenth is past anything of that kind.
DELAY_TOLERANCE = 0.10
DELAY_SLACK_S = 0.010
# Little's law holds exactly over a whole trial; what remains is the time between samples.
LITTLE_TOLERANCE = 0.05
LITTLE_MIN_SAMPLES = 20
# The share of the machine that others may use before a makespan is no longer the approach's own doing.
BUSY_SHARE = 0.20


def check_trial(trial: Trial) -> tuple[Check, ...]:
    """The verdict of every check on `trial`, in a fixed order."""
    return tuple(check(trial) for check in CHECKS)


def accounted(trial: Trial) -> Check:
    """Requests sent = ok + failed, each id once, and all of them answered."""
    wanted = range(1, trial.planned.point.load.requests + 1)
    sent = Counter(row.id for row in trial.requests)
    faults = [
        _these("never sent", [number for number in wanted if number not in sent]),
        _these("sent more than once", [number for number, times in sent.items() if times > 1]),
        _these("not asked for", [number for number in sent if number not in wanted]),
        _these("not answered", [row.id for row in trial.requests if not row.answered]),
    ]
    return _verdict("accounted", faults, f"all {len(wanted)} requests sent once and answered")


def server_log(trial: Trial) -> Check:
    """The server's log holds the same requests as the client's."""
    faults = [
        _these("not in the server's log", [row.id for row in trial.requests if row.server is None]),
        _these("in the server's log alone", [row.id for row in trial.unmatched]),
    ]
    return _verdict("server_log", faults, "the server logged the same requests")


def containment(trial: Trial) -> Check:
    """The time that the client gives a request contains the time that the server gives it."""
    outside = [
        row.id
        for row in trial.requests
        if row.server is not None
        and (row.server.start_s < row.start_s or (row.end_s is not None and row.server.end_s > row.end_s))
    ]
    return _verdict(
        "containment",
        [_these("served outside the client's own time", outside)],
        "each client duration contains the server's",
    )


def body_order(trial: Trial) -> Check:
    """The bodies came back in the order of the urls."""
    if trial.answers is None:
        return Check("body_order", False, "`main` returned no list of bodies")
    if trial.answers != tuple(range(1, trial.planned.point.load.requests + 1)):
        shown = ", ".join("?" if answer is None else str(answer) for answer in trial.answers[:12])
        return Check("body_order", False, f"bodies came back as {shown}{'…' if len(trial.answers) > 12 else ''}")
    return Check("body_order", True, "bodies in the order of the urls")


def limit(trial: Trial) -> Check:
    """The approach never had more in flight than it may."""
    bound, most = trial.planned.bound, max_in_flight(trial)
    if most is None:
        return Check("limit", None, "no request was sent")
    return Check("limit", most <= bound, f"at most {most} in flight, {bound} allowed")


def server_delay(trial: Trial) -> Check:
    """The server kept its delay."""
    wanted_s = trial.planned.point.server.delay_s
    most_s = wanted_s * (1 + DELAY_TOLERANCE) + DELAY_SLACK_S
    served = _server_rows(trial)
    if not served:
        return Check("server_delay", None, "the server logged nothing")
    wrong = [row.id for row in served if not wanted_s <= row.end_s - row.start_s <= most_s]
    slowest_s = max(row.end_s - row.start_s for row in served)
    return _verdict(
        "server_delay",
        [_these(f"not served in {wanted_s:g} to {most_s:.3g} s", wrong)],
        f"slowest {slowest_s:.3f} s of {wanted_s:g} s",
    )


def littles_law(trial: Trial) -> Check:
    """In flight as the kernel's sockets show it = throughput × mean latency of the client's rows.

    J. D. C. Little, "A Proof for the Queuing Formula: L = λW", Operations Research 9 (1961).
    """
    name, makespan_s = "littles_law", trial.makespan_s
    points = [(sample.t_s, float(sample.in_flight)) for sample in trial.samples if sample.in_flight is not None]
    within = [t_s for t_s, _ in points if makespan_s is not None and 0 <= t_s <= makespan_s]
    if makespan_s is None or not points:
        return Check(name, None, "the sockets could not be read from outside")
    if len(within) < LITTLE_MIN_SAMPLES:
        return Check(name, None, f"too short to tell: {len(within)} samples, {LITTLE_MIN_SAMPLES} needed")
    seen = time_average(points, 0.0, makespan_s)
    if seen is None:
        return Check(name, None, "the samples do not span the trial")
    latencies = [row.latency_s for row in trial.requests if row.latency_s is not None]
    told = sum(latencies) / makespan_s
    # Each request's two ends fall somewhere between two samples, which under load may be far apart.
    gaps_s = [later - earlier for (earlier, _), (later, _) in pairwise(points) if later > 0 and earlier < makespan_s]
    widest_s = max(gaps_s)
    allowed = LITTLE_TOLERANCE * told + len(latencies) * widest_s / makespan_s
    return Check(name, abs(seen - told) <= allowed, f"{seen:.2f} in flight by sockets, {told:.2f} by the client's rows")


def quiet_machine(trial: Trial) -> Check:
    """Neither the lab nor another program had the processors busy."""
    name = "quiet_machine"
    if None in (trial.machine_cpu_s, trial.cpu_s, trial.makespan_s, trial.cpus):
        return Check(name, None, "the machine's processor time could not be read")
    assert trial.machine_cpu_s is not None and trial.cpu_s is not None  # noqa: PT018 - narrowing for the type checker
    assert trial.makespan_s is not None and trial.cpus is not None  # noqa: PT018
    others_s = max(0.0, trial.machine_cpu_s - trial.cpu_s - (trial.server_cpu_s or 0.0))
    share = others_s / (trial.cpus * trial.makespan_s) if trial.makespan_s else 0.0
    return Check(name, share <= BUSY_SHARE, f"{share:.0%} of the processors' time went to others, {BUSY_SHARE:.0%} may")


CHECKS: tuple[Callable[[Trial], Check], ...] = (
    accounted,
    server_log,
    containment,
    body_order,
    limit,
    server_delay,
    littles_law,
    quiet_machine,
)


def _server_rows(trial: Trial) -> list[ServerRow]:
    return [row.server for row in trial.requests if row.server is not None]


def _these(fault: str, ids: Collection[int | str]) -> str | None:
    if not ids:
        return None
    shown = ", ".join(map(str, list(ids)[:8]))
    return f"{fault}: {shown}{f' and {len(ids) - 8} more' if len(ids) > 8 else ''}"


def _verdict(name: str, faults: list[str | None], good: str) -> Check:
    found = [fault for fault in faults if fault is not None]
    return Check(name, not found, "; ".join(found) or good)
