"""The checks: for each, trials in which it holds, fails, and cannot be examined."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

from labkit.analysis import checks
from labkit.model import ServerRow
from server.behaviour import Behaviour, decide_action
from tests import samples
from tests.samples import good_trial, planned, with_rows, without_requests

GOOD = good_trial()
BOUNDED = good_trial(planned("thread_pool", limit=3))
SYNC = good_trial(planned("sync", requests=4))
ANSWERS = GOOD.answers
STRAY = ServerRow(17, samples.WORKER_PID, 0.2, 1.2, 200)


def row(trial, request_id):
    return next(row for row in trial.requests if row.id == request_id)


def served(trial, request_id, **changes):
    """`trial`, with `changes` to the server's row of one request."""
    return with_rows(trial, request_id, server=replace(row(trial, request_id).server, **changes))


def faulty_trial(**behaviour):
    """A trial of one client under a behaviour; it retries at once, and gives up on a hanging request after a second."""
    plain = good_trial(planned("sync", requests=20, delay_s=0.1))
    server = replace(plain.planned.point.server, behaviour=Behaviour(**behaviour))
    at = replace(plain.planned.point, server=server)
    rows, causes, now_s = [], [], 0.0
    for number, pattern in enumerate(plain.requests, 1):
        for attempt in count(1):
            met = decide_action(server.behaviour, server.delay_s, number, attempt)
            start_s, now_s = now_s, now_s + min(met.seconds, 1.0) + 0.004
            status = {"answer": 200, "drip": 200, "unavailable": 503}.get(met.kind)
            logged = ServerRow(number, 70, start_s + 0.002, now_s - 0.001, status or 0, met.kind, attempt)
            times = {"start_s": start_s, "first_byte_s": now_s if status else None, "end_s": now_s}
            error = None if status else "ConnectionResetError"
            rows.append(replace(pattern, **times, status=status, error=error, server=logged, attempt=attempt))
            if met.kind in {"answer", "drip", "hang"}:
                causes.append("TimeoutError" if met.kind == "hang" else None)
                break
    answers = tuple(number if cause is None else None for number, cause in enumerate(causes, 1))
    return replace(
        plain,
        planned=replace(plain.planned, point=at),
        requests=tuple(rows),
        makespan_s=now_s,
        answers=answers,
        causes=tuple(causes),
        samples=(),
        machine_cpu_s=None,
    )


def impatient(trial):
    """`trial`, with a client that gives up on a drip after its timeout of 0.2 s, and names the cause."""
    load = replace(trial.planned.point.load, timeout_s=0.2)
    rows = [
        replace(
            each,
            end_s=each.start_s + 0.2,
            error="TimeoutError",
            server=replace(each.server, end_s=each.start_s + 0.21),
        )
        if each.server.did == "drip"
        else each
        for each in trial.requests
    ]
    dripped = {each.id for each in rows if each.server.did == "drip"}
    causes = tuple("TimeoutError" if place in dripped else cause for place, cause in enumerate(trial.causes, 1))
    answers = tuple(None if place in dripped else answer for place, answer in enumerate(trial.answers, 1))
    at = replace(trial.planned.point, load=load)
    changed = replace(trial.planned, point=at)
    return replace(trial, planned=changed, requests=tuple(rows), causes=causes, answers=answers)


FLAKY = faulty_trial(fail=3)
HANGING = faulty_trial(hang=1, drip=1, drip_s=0.2)
IMPATIENT = impatient(HANGING)
HUNG = next(row.id for row in HANGING.requests if row.server.did == "hang")
FAILED = next(row for row in FLAKY.requests if row.server.did == "reset_before")
LIMITED = faulty_trial(rate=5.0)
LIMITED = replace(
    LIMITED,
    requests=(
        replace(
            LIMITED.requests[0],
            start_s=-0.01,
            end_s=-0.001,
            status=429,
            server=ServerRow(1, 70, -0.005, -0.004, 429, "refused", 1),
        ),
        *(
            replace(each, server=replace(each.server, attempt=2), attempt=2) if each.id == 1 else each
            for each in LIMITED.requests
        ),
    ),
)


PLANNED_HANDLING = samples.plan(["threads"], handle_s=0.5).trials[0]
HANDLING = good_trial(PLANNED_HANDLING)


def lost(trial, number):
    """`trial`, with one request that has neither an answer nor a cause."""
    causes = tuple(None if place == number else cause for place, cause in enumerate(trial.causes, 1))
    answers = tuple(None if place == number else answer for place, answer in enumerate(trial.answers, 1))
    rows = tuple(replace(each, status=None, error="reset") if each.id == number else each for each in trial.requests)
    return replace(trial, causes=causes, answers=answers, requests=rows)


def given_up(trial, number):
    """`trial`, with one request that has a cause in place of a possible answer."""
    causes = tuple("gave up" if place == number else cause for place, cause in enumerate(trial.causes, 1))
    return replace(lost(trial, number), causes=causes)


def shifted(trial, request_id, by_s):
    """`trial`, with one request earlier or later, for client and server alike."""
    moved = row(trial, request_id)
    times = {
        name: value + by_s for name in ("start_s", "connected_s", "sent_s", "first_byte_s", "end_s")
        if (value := getattr(moved, name)) is not None
    }  # fmt: skip
    server = replace(moved.server, start_s=moved.server.start_s + by_s, end_s=moved.server.end_s + by_s)
    return with_rows(trial, request_id, **times, server=server)


def seen(trial, count):
    """`trial`, with `count` applied to its sockets in flight."""
    return replace(trial, samples=tuple(replace(s, in_flight=count(s.in_flight)) for s in trial.samples))


HOLDS = {
    "accounted": [GOOD, SYNC, good_trial(planned(requests=1)), FLAKY, HANGING, LIMITED, IMPATIENT],
    "server_log": [
        GOOD,
        SYNC,
        FLAKY,
        replace(FLAKY, requests=tuple(replace(r, server=None) if r is FAILED else r for r in FLAKY.requests)),
    ],
    "containment": [
        GOOD,
        with_rows(GOOD, 4, end_s=None),  # cut off: the client has no end to compare with
        served(GOOD, 4, start_s=row(GOOD, 4).start_s, end_s=row(GOOD, 4).end_s),
        FLAKY,
        served(HANGING, HUNG, end_s=row(HANGING, HUNG).end_s + 0.1),  # the server noticed late
        IMPATIENT,
    ],
    "body_order": [GOOD, SYNC, FLAKY, HANGING],
    "limit": [GOOD, BOUNDED, SYNC, shifted(SYNC, 2, row(SYNC, 1).end_s - row(SYNC, 2).start_s)],
    "server_delay": [
        GOOD,
        served(GOOD, 4, end_s=row(GOOD, 4).server.start_s + 1.1),
        FLAKY,
        HANGING,
        LIMITED,
        IMPATIENT,
    ],
    "faults": [GOOD, FLAKY, HANGING, LIMITED],
    "littles_law": [
        GOOD,
        SYNC,
        with_rows(GOOD, end_s=GOOD.makespan_s),  # a client that handles bodies reads its answers late
        seen(GOOD, lambda count: count and count * 1.04),
    ],
    "within_makespan": [
        GOOD,
        SYNC,
        FLAKY,
        HANGING,
        HANDLING,
        with_rows(GOOD, 9, end_s=GOOD.makespan_s + 1),  # answered in time by the server, and released late
        served(HANGING, HUNG, end_s=HANGING.makespan_s + 1),  # left behind by its client
        served(SYNC, 1, start_s=-0.0005),  # within the grain of the clocks
        replace(GOOD, requests=(*GOOD.requests, shifted(GOOD, 9, 2.0).requests[-1])),  # a second answer
    ],
    "ideal": [
        GOOD,
        SYNC,
        FLAKY,
        HANDLING,
        replace(GOOD, makespan_s=GOOD.planned.ideal_s),
        replace(HANDLING, makespan_s=0.96 * HANDLING.planned.ideal_s),
    ],
    "quiet_machine": [
        GOOD,
        replace(GOOD, cpus=2, makespan_s=3.0, cpu_s=1.0, server_cpu_s=1.0, machine_cpu_s=3.1),
        replace(GOOD, cpus=2, makespan_s=3.0, cpu_s=1.0, server_cpu_s=None, machine_cpu_s=1.0),
    ],
}
FAILS = {
    "accounted": {
        "a skipped URL": (without_requests(GOOD, 4, 7), ["never sent", "4, 7"]),
        "no request at all": (replace(GOOD, requests=()), ["never sent"]),
        "a repeated request": (replace(GOOD, requests=(*GOOD.requests, row(GOOD, 3))), ["more than once", "3"]),
        "an unplanned request": (with_rows(GOOD, 3, id=99), ["not planned", "99", "never sent", "3"]),
        "a path that is no number": (with_rows(GOOD, 3, id="favicon.ico"), ["not planned", "favicon.ico"]),
        "a failed request": (with_rows(GOOD, 5, error="ConnectionResetError"), ["not answered", "5"]),
        "an error's status": (with_rows(GOOD, 5, status=500), ["not answered", "5"]),
        "a request that never ended": (with_rows(GOOD, 5, end_s=None), ["not answered", "5"]),
        "a needless repetition": (
            replace(FLAKY, requests=(*FLAKY.requests, replace(FLAKY.requests[0], start_s=9.0))),
            ["sent more than once"],
        ),
        "one given up that could be answered": (given_up(FLAKY, 7), ["not answered", "7"]),
        "one without a cause": (lost(HANGING, HUNG), ["not answered", str(HUNG)]),
    },
    "server_log": {
        "a server that logs nothing": (with_rows(GOOD, server=None), ["not in the server's log"]),
        "a server that leaves one out": (with_rows(GOOD, 6, server=None), ["not in the server's log", "6"]),
        "a request that the client hides": (replace(GOOD, unmatched=(STRAY,)), ["only in the server's log", "17"]),
        "an answer out of nowhere": (
            replace(FLAKY, requests=tuple(replace(r, server=None) if r.status else r for r in FLAKY.requests)),
            ["not in the server's log"],
        ),
    },
    "containment": {
        "served before it was sent": (served(GOOD, 2, start_s=row(GOOD, 2).start_s - 0.001), ["2"]),
        "served after it was answered": (served(GOOD, 2, end_s=row(GOOD, 2).end_s + 0.001), ["2"]),
        "served before it was sent, and cut off": (served(with_rows(GOOD, 2, end_s=None), 2, start_s=-1.0), ["2"]),
    },
    "body_order": {
        "swapped bodies": (replace(GOOD, answers=(2, 1, *ANSWERS[2:])), ["2, 1, 3"]),
        "a body too few": (replace(GOOD, answers=ANSWERS[:-1]), ["7, 8"]),
        "a body too many": (replace(GOOD, answers=(*ANSWERS, 9)), ["9, 9"]),
        "a body of something else": (replace(GOOD, answers=(None, *ANSWERS[1:])), ["?, 2"]),
        "the same body nine times": (replace(GOOD, answers=(1,) * 9), ["1, 1"]),
        "no bodies": (replace(GOOD, answers=()), ["bodies"]),
        "main returned None": (replace(GOOD, answers=None), ["main"]),
        "a cause too many": (replace(HANGING, answers=(*HANGING.answers, None)), ["bodies"]),
    },
    "limit": {
        "one more than the limit": (shifted(BOUNDED, 4, -0.5), ["4 in flight", "limit 3"]),
        "sync that is not": (shifted(SYNC, 3, -0.5), ["2 in flight", "limit 1"]),
        "one that never ended stays in flight": (with_rows(SYNC, 1, end_s=None), ["2 in flight"]),
    },
    "server_delay": {
        "too long": (served(GOOD, 4, end_s=row(GOOD, 4).server.start_s + 1.2), ["4"]),
        "too short": (served(GOOD, 4, end_s=row(GOOD, 4).server.start_s + 0.999), ["4"]),
        "no delay at all": (served(GOOD, 4, end_s=row(GOOD, 4).server.start_s), ["4"]),
        "a slow refusal": (served(LIMITED, 1, end_s=row(LIMITED, 1).server.start_s + 0.1), ["1"]),
        "a drip that does not last": (
            with_rows(HANGING, server=replace(HANGING.requests[0].server, start_s=0.0, end_s=0.05)),
            ["not served in the planned time"],
        ),
    },
    "faults": {
        "an answer for a failure": (
            replace(FLAKY, requests=tuple(replace(r, server=replace(r.server, did="answer")) for r in FLAKY.requests)),
            ["not in the scenario", str(FAILED.id)],
        ),
        "a failure for an answer": (served(HANGING, 3, did="reset_within"), ["not in the scenario", "3"]),
        "a refusal where there is no rate": (served(FLAKY, 3, did="refused"), ["not in the scenario", "3"]),
    },
    "littles_law": {
        "sockets that see nothing": (seen(GOOD, lambda _: 0), ["0.00"]),
        "sockets that see twice as many": (seen(GOOD, lambda count: 2 * count), []),
        "rows that leave out a third": (without_requests(GOOD, 1, 5, 9), []),
        "rows that make requests begin earlier": (with_rows(SYNC, start_s=0.0), []),
    },
    "within_makespan": {
        "a request at the import": (shifted(GOOD, 3, -0.5), ["request 3", "before the start signal"]),
        "a return before the last answer": (shifted(GOOD, 8, 2.0), ["request 8", "after the end"]),
    },
    "ideal": {
        "answers without waiting for them": (replace(GOOD, makespan_s=2.99), ["makespan 2.990 s", "ideal 3.000 s"]),
        "bodies that were not handled": (replace(HANDLING, makespan_s=3.5), ["ideal 5.500 s", "OWN_GILS"]),
    },
    "quiet_machine": {
        "another program": (replace(GOOD, machine_cpu_s=GOOD.makespan_s), ["%"]),
        "a little above the limit": (
            replace(GOOD, cpus=1, makespan_s=10.0, cpu_s=1.0, server_cpu_s=0.0, machine_cpu_s=3.001),
            ["used 20.010% of", "limit 20%"],
        ),
        "another program, and a server of unknown use": (
            replace(GOOD, machine_cpu_s=GOOD.makespan_s, server_cpu_s=None),
            ["%"],
        ),
    },
}
UNKNOWN = {
    "limit": [replace(GOOD, requests=())],
    "server_delay": [with_rows(GOOD, server=None), replace(GOOD, requests=())],
    "within_makespan": [replace(GOOD, requests=()), with_rows(GOOD, server=None), replace(GOOD, makespan_s=None)],
    "ideal": [replace(GOOD, makespan_s=None), replace(HANGING, makespan_s=0.1), replace(GOOD, requests=())],
    "littles_law": [
        replace(GOOD, samples=()),
        replace(GOOD, makespan_s=None),
        replace(GOOD, samples=GOOD.samples[::20]),  # too few
        replace(GOOD, samples=GOOD.samples[5:]),  # they begin late
        replace(GOOD, samples=GOOD.samples[:-20]),  # they end early
        seen(GOOD, lambda _: None),  # a system without a socket table
    ],
    "quiet_machine": [
        *(replace(GOOD, **{name: None}) for name in ("machine_cpu_s", "cpu_s", "makespan_s", "cpus")),
        replace(GOOD, makespan_s=0.0001, machine_cpu_s=1.0),  # shorter than the counter's unit
    ],
}

each_check = pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.__name__)


@each_check
def test_a_check_holds_for_these_trials(check):
    for trial in HOLDS[check.__name__]:
        assert check(trial).ok is True, check(trial).detail


@each_check
def test_a_check_fails_with_a_reason(check):
    assert FAILS[check.__name__]
    for story, (trial, named) in FAILS[check.__name__].items():
        verdict = check(trial)
        assert verdict.ok is False, f"{story}: {verdict.detail}"
        assert [text for text in named if text not in verdict.detail] == [], f"{story}: {verdict.detail}"


@each_check
def test_a_check_without_its_data_has_no_result(check):
    for trial in UNKNOWN.get(check.__name__, []):
        assert check(trial).ok is None, check(trial).detail
        assert check(trial).detail


@each_check
def test_a_failed_check_makes_a_trial_unrankable(check):
    assert samples.checked(GOOD).rankable
    for story, (trial, _) in FAILS[check.__name__].items():
        assert not samples.checked(trial).rankable, story


def test_a_check_without_a_result_leaves_a_trial_rankable():
    assert samples.checked(replace(GOOD, samples=(), machine_cpu_s=None)).rankable


def test_each_check_has_the_name_of_its_function():
    assert [check.name for check in checks.check_trial(GOOD)] == [check.__name__ for check in checks.CHECKS]


@pytest.mark.parametrize("workers", [1, 3, 9])
@pytest.mark.parametrize("worker_class", ["sync", "gthread", "gevent", "asgi"])
@pytest.mark.parametrize("name", samples.DEFAULT_NAMES)
def test_every_check_holds_for_a_good_trial_in_any_configuration(name, worker_class, workers):
    trial = good_trial(planned(name, worker_class=worker_class, workers=workers))
    assert [check for check in checks.check_trial(trial) if check.ok is not True] == []


def test_a_crashed_trial_can_be_checked():
    crashed = samples.checked(samples.crashed_trial())
    assert not crashed.rankable
    assert {check.name for check in crashed.checks if check.ok is False} >= {"accounted", "body_order"}


def test_a_long_list_of_ids_is_shortened():
    detail = checks.accounted(replace(good_trial(planned(requests=100)), requests=())).detail
    assert detail == "never sent: 1, 2, 3, 4, 5, 6, 7, 8 and 92 more"
