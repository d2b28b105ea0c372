"""Differences between two and between several saved comparisons: the verdicts, the reference and the environment."""

from __future__ import annotations

from dataclasses import replace

import pytest

from labkit import reports
from labkit.analysis.diff import compare_pair, compare_several, count_judged
from labkit.analysis.environment_diff import compare_environments
from labkit.model import BASELINE
from labkit.output.page import Page
from labkit.reports.content.diff import DiffReport, verdict
from tests import samples
from tests.report_samples import LEAST, NAMES, OTHER_MACHINE, machines, result


def verdicts(found):
    return {row.approach: row.verdict for row in found.rows}


def test_two_runs_of_the_same_comparison_show_no_difference():
    found = compare_pair(result("a", 1), result("b", 2), LEAST)
    assert verdicts(found) == dict.fromkeys(NAMES, "none")
    assert count_judged(found.compared) == 3


def test_a_result_does_not_differ_from_itself():
    found = compare_pair(result("a"), result("b"), 0.0)
    assert verdicts(found) == dict.fromkeys(NAMES, "none")
    assert {(row.difference_s, row.ratio) for row in found.rows} == {(0.0, 1.0)}


@pytest.mark.parametrize(("factor", "expected"), [(1.3, "slower"), (0.7, "faster")])
def test_a_difference_has_a_verdict_and_an_interval(factor, expected):
    found = compare_pair(result("a", 1), result("b", 2, slower={"threads": factor}), LEAST)
    assert verdicts(found) == {"sync": "none", "threads": expected, "asyncio_gather": "none"}
    row = next(row for row in found.rows if row.approach == "threads")
    assert row.ratio_ci95[0] <= row.ratio <= row.ratio_ci95[1]
    assert row.ratio == pytest.approx(factor, rel=0.02)
    assert row.difference_s == pytest.approx((factor - 1) * row.first.median_s, rel=0.05)
    assert row.difference_ci95_s[0] <= row.difference_s <= row.difference_ci95_s[1]
    text = verdict(row)
    assert text.startswith(f"B {expected} by {100 * abs(row.ratio - 1):.0f} % (")
    low, high = (float(part) for part in text.partition("(")[2].removesuffix(" %)").split(" to "))
    assert low <= 100 * abs(row.ratio - 1) <= high


def test_slower_becomes_faster_when_the_sides_are_swapped():
    one, other = result("a", 1), result("b", 2, slower={"threads": 1.3})
    there, back = compare_pair(one, other, LEAST), compare_pair(other, one, LEAST)
    assert (verdicts(there)["threads"], verdicts(back)["threads"]) == ("slower", "faster")
    for row, mirror in zip(there.rows, back.rows, strict=True):
        assert row.p == mirror.p
        assert row.ratio * mirror.ratio == pytest.approx(1)


def test_a_significant_difference_below_the_margin_is_none():
    one, other = result("a", 1), result("b", 2, slower={"threads": 1.03})
    assert verdicts(compare_pair(one, other, LEAST))["threads"] == "none"
    assert verdicts(compare_pair(one, other, 0.005))["threads"] == "slower"


@pytest.mark.parametrize("repeat", [1, 2, 3])
def test_too_few_trials_have_no_verdict_however_much_they_differ(repeat):
    found = compare_pair(result("a", 1, repeat=repeat), result("b", 2, repeat=repeat, slower={"threads": 10.0}), LEAST)
    assert verdicts(found) == dict.fromkeys(NAMES, "few")
    assert count_judged(found.compared) == 0


def test_enough_for_one_row_may_be_too_few_for_many():
    """Four trials of each show p = 0.029 at most: enough for one row, too little for two."""
    one = compare_pair(result("a", 1, names=["sync"], repeat=4), result("b", 2, names=["sync"], repeat=4), LEAST)
    two = compare_pair(result("a", 1, names=NAMES[:2], repeat=4), result("b", 2, names=NAMES[:2], repeat=4), LEAST)
    assert (verdicts(one), verdicts(two)) == ({"sync": "none"}, {"sync": "few", "threads": "few"})


def test_an_unranked_approach_is_not_judged_and_costs_the_others_nothing():
    found = compare_pair(result("a", 1), result("b", 2, unranked=["threads"]), LEAST)
    assert verdicts(found) == {"sync": "none", "threads": "few", "asyncio_gather": "none"}
    assert count_judged(found.compared) == 2
    row = next(row for row in found.rows if row.approach == "threads")
    assert (row.second.trials, row.second.makespans_s, row.difference_s, row.ratio) == (8, (), None, None)


def test_the_baseline_is_shown_and_not_judged():
    names = ("sync", BASELINE)
    found = compare_pair(result("a", 1, names=names), result("b", 2, names=names, slower={BASELINE: 2.0}), LEAST)
    assert verdicts(found) == {"sync": "none", BASELINE: "baseline"}
    assert count_judged(found.compared) == 1
    assert next(row.ratio for row in found.rows if row.approach == BASELINE) == pytest.approx(2, rel=0.05)


def test_only_common_grid_points_and_approaches_are_compared():
    one = result("a", names=["sync", "threads"], workers=[1, 3])
    other = result("b", names=["threads", "asyncio_gather"], workers=[3, 9])
    assert [(row.point.server.workers, row.approach) for row in compare_pair(one, other, LEAST).rows] == [
        (3, "threads")
    ]
    assert compare_pair(result("a", names=["sync"]), result("b", names=["threads"]), LEAST).rows == ()


def test_every_field_of_the_environment_that_differs_is_a_change():
    found = {
        change.field: (change.before, change.after)
        for change in compare_environments(samples.ENVIRONMENT, OTHER_MACHINE)
    }
    assert found == {
        "runtime": ("local", "docker"),
        "python": ("3.14.0", "3.15.0"),
        "docker": (None, "28.0"),
        "compose": (None, "2.40"),
        "cpus": (2, 8),
        "memory_bytes": (8_000_000_000, 16_000_000_000),
        "kernel": ("6.18.0", OTHER_MACHINE.kernel),
        "git_commit": ("0123456789abcdef", None),
        "packages.aiohttp": ("3.13.2", None),
        "packages.httpx": (None, "1.0"),
        "packages.requests": ("2.32.5", "3.0"),
    }
    assert compare_environments(OTHER_MACHINE, OTHER_MACHINE) == ()


def test_services_with_the_same_images_are_one_change():
    old = replace(samples.ENVIRONMENT, images={"server": "sha256:1", "sync": "sha256:1", "gone": "sha256:1"})
    new = replace(samples.ENVIRONMENT, images={"server": "sha256:2", "sync": "sha256:2", "added": "sha256:2"})
    (change,) = compare_environments(old, new)
    assert (change.name, change.before, change.after) == ("image of server, sync", "sha256:1", "sha256:2")


def test_several_results_are_compared_with_the_median_one():
    found = compare_several(machines(9, m3=1.5, m7=0.6), LEAST)
    marked = {
        (against.side.label, approach): against.row.verdict
        for (_, approach), column in found.columns.items()
        for against in column
        if against.row is not None and against.row.verdict != "none"
    }
    assert marked == {
        (label, approach): expected
        for label, expected in (("laptop-03", "slower"), ("laptop-07", "faster"))
        for approach in NAMES
    }
    references = {against.reference for column in found.columns.values() for against in column}
    assert not references & {"laptop-03", "laptop-07"}
    assert count_judged(found.compared) == 8 * 3


def test_several_results_with_too_few_trials_have_no_verdict():
    found = compare_several(machines(5, repeat=3, m3=9.0), LEAST)
    assert {row.verdict for row in found.compared} == {"few"}


def test_a_result_with_too_few_trials_is_not_the_reference():
    short = [result(f"short-{each}", each, repeat=1) for each in range(5)]
    found = compare_several([*short, *machines(3)], LEAST)
    assert {against.reference for column in found.columns.values() for against in column} <= {
        f"laptop-{each:02}" for each in range(3)
    }


@pytest.mark.parametrize("width", [80, 200])
def test_thirty_machines_fit_the_page(width):
    environment = replace(
        samples.ENVIRONMENT, kernel="Debian GNU/Linux 13 (trixie), kernel 6.18.44-fc-v657, x86_64", python="3.14.0"
    )
    sides = [
        result(f"20261122-1200{each:02}-a1b2", each, names=samples.DEFAULT_NAMES, repeat=4, environment=environment)
        for each in range(30)
    ]
    lines = reports.render(DiffReport(compare_several(sides, LEAST)), "table", Page(width)).splitlines()
    assert max(map(len, lines)) <= width
    rows = [line for line in lines if line.startswith("2026")]
    assert len(rows) % 30 == 0
    assert len(rows) == (30 if width == 200 else len(rows))
    assert all("6.18.44-fc-v657-x86_64" in line for line in rows[-30:])
