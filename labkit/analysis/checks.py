"""The checks: a trial is ranked only if every one of them holds.

Each is a pure function of a trial's raw rows and asks one question. Client and server rows come from different
processes, and the sockets from the kernel: figures on which these witnesses agree deserve trust.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from itertools import pairwise
from math import inf, isfinite

from labkit.analysis.makespan_checks import ideal, within_makespan
from labkit.analysis.metrics import max_in_flight
from labkit.analysis.statistics import time_average
from labkit.model import Check, RequestRow, Trial
from server.behaviour import decide_action

# A sleep lasts longer by the timer's slack and by scheduling, which together stay below a tenth.
DELAY_TOLERANCE = 0.10
DELAY_SLACK_S = 0.010
# Little's law holds exactly over a whole trial; the tolerance covers the time between samples.
LITTLE_TOLERANCE = 0.05
LITTLE_MIN_SAMPLES = 20
# The share of the processors above which other programs affect a makespan.
BUSY_SHARE = 0.20
# The unit in which the kernel counts the machine's processor time.
CPU_TICK_S = 0.01
# The server's immediate actions on requests beyond the rate.
REFUSALS = ("refused", "banned")


def check_trial(trial: Trial) -> tuple[Check, ...]:
    """Apply every check to `trial`, in a fixed order."""
    return tuple(check(trial) for check in CHECKS)


def accounted(trial: Trial) -> Check:
    """Each request was sent, was repeated only after a failure, and has an answer, or a cause if it can have none."""
    planned = range(1, trial.planned.point.load.requests + 1)
    sent = {row.id for row in trial.requests}
    answered_s = {row.id: row.end_s for row in reversed(trial.requests) if row.answered and row.end_s is not None}
    missing = [number for number in planned if number in sent and number not in answered_s]
    explained = {number for number, cause in enumerate(trial.causes or (), 1) if cause is not None}
    unexplained = [number for number in missing if _can_be_answered(trial, number) or number not in explained]
    faults = [
        _list_ids("never sent", [number for number in planned if number not in sent]),
        _list_ids("sent more than once", _sent_again(trial.requests)),
        _list_ids("not planned", [number for number in sorted(sent, key=str) if number not in planned]),
        _list_ids("not answered", unexplained),
    ]
    all_answered = f"all {len(planned)} requests sent and answered"
    return _conclude(
        "accounted",
        faults,
        all_answered if not missing else f"all sent; {len(missing)} without an answer, each with a cause",
    )


def _sent_again(rows: Sequence[RequestRow]) -> list[int | str]:
    """The ids that were sent again while an earlier attempt was in flight, or after an answer."""
    attempts: dict[int | str, list[RequestRow]] = defaultdict(list)
    for row in rows:
        attempts[row.id].append(row)
    return [
        request_id
        for request_id, its_rows in attempts.items()
        if any(
            earlier.answered or earlier.end_s is None or earlier.end_s > later.start_s
            for earlier, later in pairwise(its_rows)
        )
    ]


def _can_be_answered(trial: Trial, number: int) -> bool:
    server = trial.planned.point.server
    met = decide_action(server.behaviour, server.delay_s, number, 1)
    return met.kind != "hang" and met.seconds < (trial.planned.point.load.timeout_s or inf)


def server_log(trial: Trial) -> Check:
    """The server's log holds the same requests as the client's.

    A server with faults loses connections, so requests without an answer may be missing from its log.
    """
    strict = trial.planned.point.server.behaviour.plain
    faults = [
        _list_ids(
            "not in the server's log",
            [row.id for row in trial.requests if row.server is None and (strict or row.status is not None)],
        ),
        _list_ids("only in the server's log", [row.id for row in trial.unmatched]),
    ]
    return _conclude("server_log", faults, "the server logged the same requests")


def containment(trial: Trial) -> Check:
    """The client's time for a request contains the server's time for it."""
    outside = [
        row.id
        for row in trial.requests
        if row.server is not None
        and (row.server.start_s < row.start_s or (_client_waited(row, trial) and row.server.end_s > (row.end_s or 0.0)))
    ]
    return _conclude(
        "containment",
        [_list_ids("served outside the client's duration", outside)],
        "each client duration contains the server's",
    )


def _client_waited(row: RequestRow, trial: Trial) -> bool:
    """Return True if the client waited for the end: with a server that hangs, a client may leave before it."""
    if trial.planned.point.server.behaviour.plain:
        return row.end_s is not None
    return row.status is not None and row.error is None


def body_order(trial: Trial) -> Check:
    """The bodies were returned in the order of the URLs, with a cause in the place of each missing one."""
    if trial.answers is None:
        return Check("body_order", False, "`main` did not return a list of bodies")
    causes = trial.causes or (None,) * len(trial.answers)
    planned = range(1, trial.planned.point.load.requests + 1)
    places = zip(trial.answers, causes, planned, strict=False)
    in_order = all(answer == number or cause is not None for answer, cause, number in places)
    if not in_order or len(trial.answers) != len(planned):
        shown = ", ".join("?" if answer is None else str(answer) for answer in trial.answers[:12])
        return Check("body_order", False, f"bodies were returned as {shown}{'…' if len(trial.answers) > 12 else ''}")
    return Check("body_order", True, "bodies in the order of the URLs")


def limit(trial: Trial) -> Check:
    """The approach never exceeded its limit of requests in flight."""
    bound, most = trial.planned.bound, max_in_flight(trial)
    if most is None:
        return Check("limit", None, "no request was sent")
    return Check("limit", most <= bound, f"at most {most} in flight, limit {bound}")


def server_delay(trial: Trial) -> Check:
    """The server kept the delay that each request should have."""
    server = trial.planned.point.server
    served = [
        (row.id, row.server.end_s - row.server.start_s, planned_s)
        for row in trial.requests
        if row.server is not None and (planned_s := _delay_s(row, trial)) is not None
    ]
    if not served:
        return Check("server_delay", None, "the server logged no request")
    wrong = [
        request_id
        for request_id, took_s, planned_s in served
        if not planned_s <= took_s <= planned_s * (1 + DELAY_TOLERANCE) + DELAY_SLACK_S
    ]
    if server.behaviour.plain:
        usual_s = server.delay_s
        fault = f"not served in {usual_s:g} to {usual_s * (1 + DELAY_TOLERANCE) + DELAY_SLACK_S:.3g} s"
        return _conclude(
            "server_delay",
            [_list_ids(fault, wrong)],
            f"slowest {max(took_s for _, took_s, _ in served):.3f} s, delay {usual_s:g} s",
        )
    most_s = max(took_s - planned_s for _, took_s, planned_s in served)
    return _conclude(
        "server_delay", [_list_ids("not served in the planned time", wrong)], f"at most {most_s:.3f} s late"
    )


def _delay_s(row: RequestRow, trial: Trial) -> float | None:
    """The service time that the request should have; None if it depends on more than its id and attempt."""
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
    """The server acted on each request as its scenario, seed and id determine."""
    server = trial.planned.point.server
    if server.behaviour.plain:
        return Check("faults", True, "the scenario has none")
    logged = [*(row.server for row in trial.requests if row.server is not None), *trial.unmatched]
    other = [
        row.id
        for row in logged
        if isinstance(row.id, int)
        and row.attempt is not None
        and row.did != decide_action(server.behaviour, server.delay_s, row.id, row.attempt).kind
        and not (server.behaviour.rate and row.did in REFUSALS)
    ]
    actions = Counter(row.did for row in logged)
    shown = ", ".join(f"{number} × {kind.replace('_', ' ')}" for kind, number in sorted(actions.items()))
    return _conclude("faults", [_list_ids("action not in the scenario", other)], shown or "none occurred")


def littles_law(trial: Trial) -> Check:
    """Requests in flight by the kernel's sockets = throughput × mean latency by the client's rows.

    A socket whose answer has arrived is no longer in flight, but a client that is busy reads the answer later: each
    latency counts until the server's end only.

    J. D. C. Little, "A Proof for the Queuing Formula: L = λW", Operations Research 9 (1961).
    """
    name, makespan_s = "littles_law", trial.makespan_s
    points = [(sample.t_s, float(sample.in_flight)) for sample in trial.samples if sample.in_flight is not None]
    within = [t_s for t_s, _ in points if makespan_s is not None and 0 <= t_s <= makespan_s]
    if makespan_s is None or not points:
        return Check(name, None, "the sockets could not be read from outside")
    if len(within) < LITTLE_MIN_SAMPLES:
        return Check(name, None, f"too short: {len(within)} samples, {LITTLE_MIN_SAMPLES} needed")
    seen = time_average(points, 0.0, makespan_s)
    if seen is None:
        return Check(name, None, "the samples do not span the trial")
    latencies = [
        (row.end_s if row.server is None else min(row.end_s, row.server.end_s)) - row.start_s
        for row in trial.requests
        if row.end_s is not None
    ]
    expected = sum(latencies) / makespan_s
    # Each request begins and ends between two samples, which under load may be far apart.
    gaps_s = [later - earlier for (earlier, _), (later, _) in pairwise(points) if later > 0 and earlier < makespan_s]
    widest_s = max(gaps_s)
    allowed = LITTLE_TOLERANCE * expected + len(latencies) * widest_s / makespan_s
    detail = f"{seen:.2f} in flight by sockets, {expected:.2f} by the client's rows"
    return Check(name, abs(seen - expected) <= allowed, detail)


def quiet_machine(trial: Trial) -> Check:
    """Neither the lab nor another program kept the processors busy."""
    name = "quiet_machine"
    if None in (trial.machine_cpu_s, trial.cpu_s, trial.makespan_s, trial.cpus):
        return Check(name, None, "the machine's processor time could not be read")
    assert trial.machine_cpu_s is not None and trial.cpu_s is not None  # noqa: PT018 - narrowing for the type checker
    assert trial.makespan_s is not None and trial.cpus is not None  # noqa: PT018
    others_s = max(0.0, trial.machine_cpu_s - trial.cpu_s - (trial.server_cpu_s or 0.0))
    if BUSY_SHARE * trial.cpus * trial.makespan_s < CPU_TICK_S:
        return Check(name, None, f"too short: {trial.makespan_s:.3f} s")
    share = others_s / (trial.cpus * trial.makespan_s)
    shown = f"{share:.0%}" if share <= BUSY_SHARE or share >= BUSY_SHARE + 0.01 else f"{share:.3%}"
    detail = f"other programs used {shown} of the processors' time, limit {BUSY_SHARE:.0%}"
    return Check(name, share <= BUSY_SHARE, detail)


CHECKS: tuple[Callable[[Trial], Check], ...] = (
    accounted,
    server_log,
    containment,
    body_order,
    limit,
    server_delay,
    faults,
    littles_law,
    within_makespan,
    ideal,
    quiet_machine,
)


def _list_ids(fault: str, ids: Collection[int | str]) -> str | None:
    if not ids:
        return None
    shown = ", ".join(map(str, list(ids)[:8]))
    return f"{fault}: {shown}{f' and {len(ids) - 8} more' if len(ids) > 8 else ''}"


def _conclude(name: str, faults: list[str | None], good: str) -> Check:
    found = [fault for fault in faults if fault is not None]
    return Check(name, not found, "; ".join(found) or good)
