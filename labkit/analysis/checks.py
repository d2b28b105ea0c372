"""The checks: a trial's figures are ranked only if every one of them holds.

Each is a pure function of a trial's raw rows and asks one question. Client and server rows come from different
processes, and the sockets from the kernel: where these witnesses agree, the figures deserve trust.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from itertools import pairwise
from math import inf, isfinite

from labkit.analysis.metrics import max_in_flight
from labkit.analysis.statistics import time_average
from labkit.model import Check, RequestRow, Trial
from server.behaviour import decide_action

# A sleep may last longer by the timer's slack and by what else runs; a tenth is past anything of that kind.
DELAY_TOLERANCE = 0.10
DELAY_SLACK_S = 0.010
# Little's law holds exactly over a whole trial; what remains is the time between samples.
LITTLE_TOLERANCE = 0.05
LITTLE_MIN_SAMPLES = 20
# The share of the machine that others may use before a makespan is no longer the approach's own doing.
BUSY_SHARE = 0.20
# What the server does to requests beyond the rate, at once.
REFUSALS = ("refused", "banned")


def check_trial(trial: Trial) -> tuple[Check, ...]:
    """The verdict of every check on `trial`, in a fixed order."""
    return tuple(check(trial) for check in CHECKS)


def accounted(trial: Trial) -> Check:
    """Each request was sent, not again without need, and answered; or none could be, and its cause was told."""
    wanted = range(1, trial.planned.point.load.requests + 1)
    sent = {row.id for row in trial.requests}
    answered_s = {row.id: row.end_s for row in reversed(trial.requests) if row.answered and row.end_s is not None}
    missing = [number for number in wanted if number in sent and number not in answered_s]
    told = {number for number, cause in enumerate(trial.causes or (), 1) if cause is not None}
    faults = [
        _these("never sent", [number for number in wanted if number not in sent]),
        _these("sent more than once", _sent_again(trial.requests)),
        _these("not asked for", [number for number in sorted(sent, key=str) if number not in wanted]),
        _these("not answered", [number for number in missing if _can_be_answered(trial, number) or number not in told]),
    ]
    answered = f"all {len(wanted)} requests sent and answered"
    return _verdict(
        "accounted",
        faults,
        answered if not missing else f"all sent; {len(missing)} without an answer, each with a cause",
    )


def _sent_again(rows: Sequence[RequestRow]) -> list[int | str]:
    """The ids that were sent again while an earlier attempt was on its way, or after one had been answered."""
    attempts: dict[int | str, list[RequestRow]] = defaultdict(list)
    for row in rows:
        attempts[row.id].append(row)
    return [
        request_id
        for request_id, its in attempts.items()
        if any(
            earlier.answered or earlier.end_s is None or earlier.end_s > later.start_s
            for earlier, later in pairwise(its)
        )
    ]


def _can_be_answered(trial: Trial, number: int) -> bool:
    server = trial.planned.point.server
    met = decide_action(server.behaviour, server.delay_s, number, 1)
    return met.kind != "hang" and met.seconds < (trial.planned.point.load.timeout_s or inf)


def server_log(trial: Trial) -> Check:
    """The server's log holds the same requests as the client's.

    Of a server that loses connections, or that is not there for a while, what got no answer need not be in it.
    """
    strict = trial.planned.point.server.behaviour.plain
    faults = [
        _these(
            "not in the server's log",
            [row.id for row in trial.requests if row.server is None and (strict or row.status is not None)],
        ),
        _these("in the server's log alone", [row.id for row in trial.unmatched]),
    ]
    return _verdict("server_log", faults, "the server logged the same requests")


def containment(trial: Trial) -> Check:
    """The time that the client gives a request contains the time that the server gives it."""
    outside = [
        row.id
        for row in trial.requests
        if row.server is not None
        and (row.server.start_s < row.start_s or (_was_heard_out(row, trial) and row.server.end_s > (row.end_s or 0.0)))
    ]
    return _verdict(
        "containment",
        [_these("served outside the client's own time", outside)],
        "each client duration contains the server's",
    )


def _was_heard_out(row: RequestRow, trial: Trial) -> bool:
    """Whether the client stayed to the end. Who may give up on a server that hangs does so before the server does."""
    if trial.planned.point.server.behaviour.plain:
        return row.end_s is not None
    return row.status is not None and row.error is None


def body_order(trial: Trial) -> Check:
    """The bodies came back in the order of the urls, and where there is none, its cause."""
    if trial.answers is None:
        return Check("body_order", False, "`main` returned no list of bodies")
    causes = trial.causes or (None,) * len(trial.answers)
    wanted = range(1, trial.planned.point.load.requests + 1)
    told = zip(trial.answers, causes, wanted, strict=False)
    kept = all(answer == number or cause is not None for answer, cause, number in told)
    if not kept or len(trial.answers) != len(wanted):
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
    """The server kept its delay, with each request the one that it was to have."""
    server = trial.planned.point.server
    served = [
        (row.id, row.server.end_s - row.server.start_s, wanted_s)
        for row in trial.requests
        if row.server is not None and (wanted_s := _delay_s(row, trial)) is not None
    ]
    if not served:
        return Check("server_delay", None, "the server logged nothing")
    wrong = [
        request_id
        for request_id, took_s, wanted_s in served
        if not wanted_s <= took_s <= wanted_s * (1 + DELAY_TOLERANCE) + DELAY_SLACK_S
    ]
    if server.behaviour.plain:
        usual_s = server.delay_s
        fault = f"not served in {usual_s:g} to {usual_s * (1 + DELAY_TOLERANCE) + DELAY_SLACK_S:.3g} s"
        return _verdict(
            "server_delay",
            [_these(fault, wrong)],
            f"slowest {max(took_s for _, took_s, _ in served):.3f} s of {usual_s:g} s",
        )
    most_s = max(took_s - wanted_s for _, took_s, wanted_s in served)
    return _verdict(
        "server_delay", [_these("not served in the time they were to take", wrong)], f"at most {most_s:.3f} s late"
    )


def _delay_s(row: RequestRow, trial: Trial) -> float | None:
    """How long the server was to be busy with it; None where that is for others to decide."""
    server = trial.planned.point.server
    assert row.server is not None
    if server.behaviour.plain:
        return server.delay_s
    if row.server.did in REFUSALS:
        return 0.0
    if row.server.attempt is None or not isinstance(row.id, int):
        return None
    if row.error is not None and row.server.did == "drip":  # it ends when the client leaves
        return None
    seconds = decide_action(server.behaviour, server.delay_s, row.id, row.server.attempt).seconds
    return seconds if isfinite(seconds) else None


def faults(trial: Trial) -> Check:
    """The server did to each request what the scenario, the seed and the request's id say."""
    server = trial.planned.point.server
    if server.behaviour.plain:
        return Check("faults", True, "none were to come")
    logged = [*(row.server for row in trial.requests if row.server is not None), *trial.unmatched]
    other = [
        row.id
        for row in logged
        if isinstance(row.id, int)
        and row.attempt is not None
        and row.did != decide_action(server.behaviour, server.delay_s, row.id, row.attempt).kind
        and not (server.behaviour.rate and row.did in REFUSALS)
    ]
    told = Counter(row.did for row in logged)
    shown = ", ".join(f"{number} × {kind.replace('_', ' ')}" for kind, number in sorted(told.items()))
    return _verdict("faults", [_these("met something else than the scenario has", other)], shown or "none was met")


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
    faults,
    littles_law,
    quiet_machine,
)


def _these(fault: str, ids: Collection[int | str]) -> str | None:
    if not ids:
        return None
    shown = ", ".join(map(str, list(ids)[:8]))
    return f"{fault}: {shown}{f' and {len(ids) - 8} more' if len(ids) > 8 else ''}"


def _verdict(name: str, faults: list[str | None], good: str) -> Check:
    found = [fault for fault in faults if fault is not None]
    return Check(name, not found, "; ".join(found) or good)
