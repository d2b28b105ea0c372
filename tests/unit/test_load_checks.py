"""Each check of a load holds, fails or abstains on loads made for it."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate
from random import Random

import pytest

from labkit.analysis import checks as trial_checks
from labkit.load import checks
from labkit.load.checks import Resources
from labkit.load.totals import Ids, ServerTotals, Totals
from labkit.model import ServerConfig
from labkit.model.load import Closed, Counts, LoadPlan, Open, Percentiles

# Thirty users for ten seconds at three workers: three answers per second, and thirty in flight throughout.
PLAN = LoadPlan(1, ServerConfig(3, "sync", 1, 1.0), Closed(30, 30.0), 10.0, None, 1, 30.0)
OPEN = replace(PLAN, shape=Open(3.0, "poisson", 1, 40))
# Three per second for ten seconds, the first at once: thirty are due before the end.
CONSTANT = replace(OPEN, shape=Open(3.0, "constant", 1, 40))
SERVER = ServerTotals(rows=60, slowest_s=1.002, max_in_flight=3)
TOTALS = Totals(
    counts=Counts(arrivals=60, begun=60, ok=60),
    latency=Percentiles(1.0, 10.0, 10.0, 10.1, 10.2, 10.2),
    response=None,
    percentiles="exact",
    max_in_flight=30,
    server=SERVER,
    errors=(),
    seconds=(),
    last_end_s=20.0,
    last_answer_s=20.0,
    latency_sum_s=600.0,
)
POINTS = tuple((step / 10, 30) for step in range(-5, 206))
RESOURCES = Resources(
    cpu_s=2.0,
    whole_cpu_s=2.0,
    machine_cpu_s=5.0,
    server_cpu_s=1.0,
    cpus=2,
    makespan_s=20.0,
    socket_points=POINTS,
    lasted_s=20.0,
)
SOME = Ids(11, (3, 5, 7, 8, 10, 12, 14, 15))


def counted(**changes):
    return {"totals": replace(TOTALS, counts=replace(TOTALS.counts, **changes))}


def logged(**changes):
    return {"totals": replace(TOTALS, server=replace(SERVER, **changes))}


def totals(**changes):
    return {"totals": replace(TOTALS, **changes)}


def used(**changes):
    return {"resources": replace(RESOURCES, **changes)}


def poisson_arrivals(seed):
    """The number of arrivals in ten seconds, three per second on average, computed independently."""
    random = Random(seed)
    times_s = accumulate(random.expovariate(3.0) for _ in range(1000))
    return sum(time_s < 10 for time_s in times_s)


def scheduled(arrivals, plan=CONSTANT, **changes):
    """An open load with this number of arrivals."""
    return {"plan": plan, "totals": counted(arrivals=arrivals)["totals"], **used(**changes)}


def seen(count):
    return used(socket_points=tuple((t_s, count(number)) for t_s, number in POINTS))


HOLDS = {
    "accounted": [
        {},
        counted(arrivals=70, not_begun=10),
        counted(ok=50, failed=10),
        totals(counts=Counts()),
    ],
    "server_log": [{}],
    "containment": [{}],
    "limit": [{}, {"plan": OPEN, "totals": replace(TOTALS, max_in_flight=40)}],
    "server_delay": [{}],
    "littles_law": [
        {},
        seen(lambda number: number * 1.04),
        # The last request to end failed, after the last answer.
        {"resources": replace(RESOURCES, makespan_s=15.0)},
        # The sampler stood still for a second.
        used(socket_points=tuple((t_s, number) for t_s, number in POINTS if not 5 < t_s < 6)),
    ],
    "schedule": [
        scheduled(30),
        scheduled(1, replace(CONSTANT, shape=Open(0.01, "constant", 1, 40))),
        scheduled(20, replace(CONSTANT, requests=20)),
        scheduled(30, replace(CONSTANT, requests=31)),
        scheduled(40, replace(CONSTANT, requests=40, duration_s=None)),
        scheduled(poisson_arrivals(seed=1), OPEN),
    ],
    "generator": [
        {},
        totals(errors=(("ConnectionError: [Errno 111] Connection refused", 9),)),
        used(cpu_s=18.0),
        {"plan": replace(PLAN, processes=2), **used(cpu_s=36.0)},
    ],
    "quiet_machine": [
        {},
        # The last answer of a sparse load may be long before its end.
        used(makespan_s=2.0, machine_cpu_s=11.0),
        used(machine_cpu_s=11.0),
        used(server_cpu_s=None, machine_cpu_s=2.0),
        used(machine_cpu_s=1.0),
    ],
}
FAILS = {
    "accounted": {
        "a request that never ended": (counted(ok=59, unfinished=1), ["1 began and never ended"]),
        "an arrival that is not accounted for": (counted(arrivals=61), ["61 arrivals", "60 accounted for"]),
        "a request that never arrived": (counted(arrivals=59), ["59 arrivals", "60 accounted for"]),
        "an id twice": (totals(duplicates=SOME), ["more than once: 3, 5, 7, 8, 10, 12, 14, 15 and 3 more"]),
        "a skipped id": (totals(out_of_turn=SOME), ["out of turn: 3, 5"]),
        "an end without a beginning": (totals(ended_unknown=Ids(1, (9,))), ["ended without having begun: 9"]),
    },
    "server_log": {
        "answered requests that are not logged": (logged(unlogged=SOME), ["not in the server's log: 3, 5"]),
        "logged requests that the client does not report": (
            logged(log_only=Ids(1, ("favicon.ico",))),
            ["only in the server's log: favicon.ico"],
        ),
        "requests that were sent twice": (logged(logged_again=SOME), ["more than once: 3, 5"]),
    },
    "containment": {"served before it was sent": (logged(outside=SOME), ["3, 5"])},
    "limit": {
        "more than the users": (totals(max_in_flight=31), ["31 in flight", "limit 30"]),
        "an open load": ({"plan": OPEN, **totals(max_in_flight=41)}, ["41 in flight", "limit 40"]),
    },
    "server_delay": {"a wrong delay": (logged(wrong_delay=SOME), ["not served in 1 to 1.11 s: 3, 5"])},
    "littles_law": {
        "sockets that see nothing": (seen(lambda _: 0), ["0.00", "30.00"]),
        "sockets that see twice as many": (seen(lambda number: 2 * number), ["60.00", "30.00"]),
        "rows that leave out a third": (totals(latency_sum_s=400.0), ["30.00", "20.00"]),
        "a sampler that stood still for a moment, and rows that leave out a third": (
            {
                **totals(latency_sum_s=400.0),
                **used(socket_points=tuple((t_s, number) for t_s, number in POINTS if not 5 < t_s < 6)),
            },
            ["30.00", "20.00"],
        ),
    },
    "schedule": {
        "a skipped arrival": (scheduled(29), ["29 arrivals", "30 scheduled"]),
        "a surplus arrival": (scheduled(31), ["31 arrivals", "30 scheduled"]),
        "a skipped request": (scheduled(19, replace(CONSTANT, requests=20)), ["20 scheduled"]),
        "the arrivals of another seed": (
            scheduled(poisson_arrivals(seed=2), OPEN),
            [f"{poisson_arrivals(seed=1)} scheduled"],
        ),
    },
    "generator": {
        "too few open files": (
            totals(errors=(("status 500", 9), ("OSError: [Errno 24] Too many open files", 3))),
            ["files", "ulimit -n", "--users"],
        ),
        "too few open files, processor time unknown": (
            {**totals(errors=(("OSError: [Errno 24] Too many open files", 3),)), **used(cpu_s=None)},
            ["ulimit -n"],
        ),
        "a busy generator": (used(cpu_s=18.2), ["91%", "90%", "--processes"]),
        "two busy processes": ({"plan": replace(PLAN, processes=2), **used(cpu_s=38.0)}, ["95%"]),
    },
    "quiet_machine": {
        "another program": (used(machine_cpu_s=11.1), ["20%"]),
        "another program, after the last answer": (used(makespan_s=90.0, machine_cpu_s=11.1), ["20%"]),
        "another program, server time unknown": (used(machine_cpu_s=20.0, server_cpu_s=None), ["45%"]),
    },
}
ABSTAINS = {
    "limit": [totals(max_in_flight=None)],
    "server_delay": [logged(rows=0, slowest_s=None)],
    "littles_law": [
        used(socket_points=()),
        used(makespan_s=None),
        totals(last_end_s=None),
        used(socket_points=POINTS[::20]),  # too few
        used(socket_points=POINTS[10:]),  # they begin late
        used(socket_points=POINTS[:-10]),  # they end early
    ],
    "schedule": [{}, scheduled(29, ended_early=True)],
    "generator": [used(cpu_s=None), used(makespan_s=None), used(makespan_s=0.0)],
    "quiet_machine": [
        *(used(**{name: None}) for name in ("machine_cpu_s", "whole_cpu_s", "lasted_s", "cpus")),
        used(lasted_s=0.0),
    ],
}

each_check = pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.__name__)


def verdict(check, changes):
    return check(*{"plan": PLAN, "totals": TOTALS, "resources": RESOURCES, **changes}.values())


@each_check
def test_it_holds(check):
    for changes in HOLDS[check.__name__]:
        assert verdict(check, changes).ok is True, verdict(check, changes).detail


@each_check
def test_it_fails_with_the_reason(check):
    assert FAILS[check.__name__]
    for story, (changes, named) in FAILS[check.__name__].items():
        found = verdict(check, changes)
        assert found.ok is False, f"{story}: {found.detail}"
        assert [text for text in named if text not in found.detail] == [], f"{story}: {found.detail}"


@each_check
def test_it_abstains_without_data(check):
    for changes in ABSTAINS.get(check.__name__, []):
        assert verdict(check, changes).ok is None, verdict(check, changes).detail
        assert verdict(check, changes).detail


def test_each_check_has_the_name_of_its_function():
    found = checks.check_load(PLAN, TOTALS, RESOURCES)
    assert [check.name for check in found] == [check.__name__ for check in checks.CHECKS]


def test_checks_of_loads_and_trials_have_the_same_names():
    """A load has no scenario, no order of bodies and no ideal makespan; a trial has no schedule and no generator."""
    of_a_trial = {check.__name__ for check in trial_checks.CHECKS}
    of_a_load = {check.__name__ for check in checks.CHECKS}
    assert (of_a_trial - of_a_load, of_a_load - of_a_trial) == (
        {"body_order", "faults", "ideal", "within_makespan"},
        {"schedule", "generator"},
    )
