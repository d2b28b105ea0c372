"""What two and many saved comparisons differ in: who is judged, against what, and what every format says of it."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from io import StringIO
from random import Random

import pytest

from labkit import diffs
from labkit.analysis.diff import family, pair, several, side, would_do
from labkit.analysis.environment_diff import compare_environments
from labkit.model import BASELINE
from labkit.output.page import Page
from labkit.reports.content.diff_words import verdict
from tests import samples

LEAST = 0.05
NAMES = ("sync", "threads", "asyncio_gather")


def result(label, seed=1, *, names=NAMES, repeat=8, slower=None, environment=None, unranked=(), **axes):
    """A comparison whose makespans scatter by 1 %; `slower` maps approaches to what theirs are multiplied by."""
    random = Random(seed)
    factors = slower or {}

    def measure(planned):
        good = samples.good_trial(planned)
        factor = factors.get(planned.approach, 1.0) * random.gauss(1, 0.01)
        trial = replace(good, makespan_s=planned.ideal_s * 1.02 * factor)
        return replace(trial, outcome="failed") if planned.approach in unranked else trial

    of = samples.plan(names, repeat=repeat, **axes)
    measured = samples.comparison(of, measure, environment=environment or samples.ENVIRONMENT)
    # What is scaled is the makespan alone: whether its rows still fit it is not what this is about.
    sound = tuple(replace(checked, checks=()) for checked in measured.trials)
    return side(label, replace(measured, trials=sound))


def verdicts(found):
    return {row.approach: row.verdict for row in found.rows}


def rendered(found, name, width=None):
    return diffs.load(name).render(found, Page(width))


def test_the_same_twice_shows_no_difference():
    found = pair(result("a", 1), result("b", 2), LEAST)
    assert verdicts(found) == dict.fromkeys(NAMES, "none")
    assert "no difference to be seen" in rendered(found, "table")


def test_a_result_beside_itself_differs_in_nothing():
    found = pair(result("a"), result("b"), 0.0)
    assert verdicts(found) == dict.fromkeys(NAMES, "none")
    assert {(row.difference_s, row.ratio) for row in found.rows} == {(0.0, 1.0)}


@pytest.mark.parametrize(("factor", "said"), [(1.3, "slower"), (0.7, "faster")])
def test_what_differs_is_named_with_its_interval(factor, said):
    found = pair(result("a", 1), result("b", 2, slower={"threads": factor}), LEAST)
    assert verdicts(found) == {"sync": "none", "threads": said, "asyncio_gather": "none"}
    row = next(row for row in found.rows if row.approach == "threads")
    assert row.ratio_ci95[0] <= row.ratio <= row.ratio_ci95[1]
    assert row.ratio == pytest.approx(factor, rel=0.02)
    assert row.difference_s == pytest.approx((factor - 1) * row.first.median_s, rel=0.05)
    assert row.difference_ci95_s[0] <= row.difference_s <= row.difference_ci95_s[1]
    words = verdict(row)
    assert words.startswith(f"B {said} by {100 * abs(row.ratio - 1):.0f} % (")
    low, high = (float(part) for part in words.partition("(")[2].removesuffix(" %)").split(" to "))
    assert low <= 100 * abs(row.ratio - 1) <= high


def test_the_other_way_round_slower_is_faster():
    one, other = result("a", 1), result("b", 2, slower={"threads": 1.3})
    there, back = pair(one, other, LEAST), pair(other, one, LEAST)
    assert (verdicts(there)["threads"], verdicts(back)["threads"]) == ("slower", "faster")
    for row, mirror in zip(there.rows, back.rows, strict=True):
        assert row.p == mirror.p
        assert row.ratio * mirror.ratio == pytest.approx(1)


def test_a_difference_that_is_sure_and_small_is_none_unless_it_matters():
    one, other = result("a", 1), result("b", 2, slower={"threads": 1.03})
    assert verdicts(pair(one, other, LEAST))["threads"] == "none"
    assert verdicts(pair(one, other, 0.005))["threads"] == "slower"


@pytest.mark.parametrize("repeat", [1, 2, 3])
def test_of_too_few_trials_nothing_is_told_however_much_they_differ(repeat):
    found = pair(result("a", 1, repeat=repeat), result("b", 2, repeat=repeat, slower={"threads": 10.0}), LEAST)
    assert verdicts(found) == dict.fromkeys(NAMES, "few")
    assert family(found.compared) == 0
    text = " ".join(rendered(found, "table").split())
    assert "too few trials to tell" in text
    assert f"Of 3 rows too few trials may be ranked: {would_do(found.compared)} of each would do for all." in text


def test_enough_for_one_row_may_be_too_few_for_many():
    """Four trials of each show p = 0.029 at most: enough for one row, too little for two."""
    one = pair(result("a", 1, names=["sync"], repeat=4), result("b", 2, names=["sync"], repeat=4), LEAST)
    two = pair(result("a", 1, names=NAMES[:2], repeat=4), result("b", 2, names=NAMES[:2], repeat=4), LEAST)
    assert (verdicts(one), verdicts(two)) == ({"sync": "none"}, {"sync": "few", "threads": "few"})


def test_what_may_not_be_ranked_is_not_judged_and_costs_the_others_nothing():
    found = pair(result("a", 1), result("b", 2, unranked=["threads"]), LEAST)
    assert verdicts(found) == {"sync": "none", "threads": "few", "asyncio_gather": "none"}
    assert family(found.compared) == 2
    row = next(row for row in found.rows if row.approach == "threads")
    assert (row.second.trials, row.second.makespans_s, row.difference_s, row.ratio) == (8, (), None, None)
    assert "0/8" in rendered(found, "table")


def test_the_baseline_is_shown_and_not_judged():
    names = ("sync", BASELINE)
    found = pair(result("a", 1, names=names), result("b", 2, names=names, slower={BASELINE: 2.0}), LEAST)
    assert verdicts(found) == {"sync": "none", BASELINE: "baseline"}
    assert family(found.compared) == 1
    assert next(row.ratio for row in found.rows if row.approach == BASELINE) == pytest.approx(2, rel=0.05)


def test_what_only_one_of_them_has_is_named():
    one = result("a", names=["sync", "threads"], workers=[1, 3])
    other = result("b", names=["threads", "asyncio_gather"], workers=[3, 9])
    found = pair(one, other, LEAST)
    assert [(row.point.server.workers, row.approach) for row in found.rows] == [(3, "threads")]
    text = rendered(found, "markdown")
    assert "only in A: 9 requests · 1 sync worker " in text
    assert "only in B: 9 requests · 9 sync workers " in text
    assert "only in A: sync" in text
    assert "only in B: asyncio_gather" in text


def test_nothing_in_common_is_said():
    found = pair(result("a", names=["sync"]), result("b", names=["threads"]), LEAST)
    assert found.rows == ()
    for name in diffs.names():
        assert rendered(found, name)
    assert "Nothing was measured in both." in rendered(found, "table")


def test_every_field_of_the_environment_that_differs_is_told():
    environment = replace(
        samples.ENVIRONMENT,
        runtime="docker",
        python="3.15.0",
        docker="28.0",
        compose="2.40",
        cpus=8,
        memory_bytes=16_000_000_000,
        kernel="7.0.0",
        images={"server": "sha256:1"},
        packages={"requests": "3.0", "httpx": "1.0"},
        git_commit=None,
    )
    told = {
        change.field: (change.before, change.after) for change in compare_environments(samples.ENVIRONMENT, environment)
    }
    assert told == {
        "runtime": ("local", "docker"),
        "python": ("3.14.0", "3.15.0"),
        "docker": (None, "28.0"),
        "compose": (None, "2.40"),
        "cpus": (2, 8),
        "memory_bytes": (8_000_000_000, 16_000_000_000),
        "kernel": ("6.18.0", "7.0.0"),
        "git_commit": ("0123456789abcdef", None),
        "packages.aiohttp": ("3.13.2", None),
        "packages.httpx": (None, "1.0"),
        "packages.requests": ("2.32.5", "3.0"),
    }
    assert compare_environments(environment, environment) == ()
    text = rendered(pair(result("a"), result("b", environment=environment), LEAST), "table")
    for said in ("memory: 8.0 GB → 16.0 GB", "package httpx: none → 1.0", "git commit: 0123456789abcdef → none"):
        assert said in text


def test_images_are_told_of_together_where_they_are_the_same():
    old = replace(samples.ENVIRONMENT, images={"server": "sha256:1", "sync": "sha256:1", "gone": "sha256:1"})
    new = replace(samples.ENVIRONMENT, images={"server": "sha256:2", "sync": "sha256:2", "added": "sha256:2"})
    (change,) = compare_environments(old, new)
    assert (change.name, change.before, change.after) == ("image of server, sync", "sha256:1", "sha256:2")


def machines(number, repeat=10, **odd):
    """So many machines; `odd` maps numbers of machines to how much slower they are."""
    return [
        result(f"laptop-{each:02}", each, repeat=repeat, slower=dict.fromkeys(NAMES, odd.get(f"m{each}", 1.0)))
        for each in range(number)
    ]


def test_of_many_those_that_differ_from_the_one_in_the_middle_are_marked():
    found = several(machines(9, m3=1.5, m7=0.6), LEAST)
    marked = {
        (against.side.label, approach): against.row.verdict
        for (_, approach), column in found.columns.items()
        for against in column
        if against.row is not None and against.row.verdict != "none"
    }
    assert marked == {
        (label, approach): said
        for label, said in (("laptop-03", "slower"), ("laptop-07", "faster"))
        for approach in NAMES
    }
    references = {against.reference for column in found.columns.values() for against in column}
    assert not references & {"laptop-03", "laptop-07"}
    assert family(found.compared) == 8 * 3
    lines = rendered(found, "table").splitlines()
    (slow,) = (line for line in lines if line.startswith("laptop-03"))
    (fast,) = (line for line in lines if line.startswith("laptop-07"))
    (usual,) = (line for line in lines if line.startswith("laptop-05"))
    assert (slow.count("▲"), fast.count("▼"), usual.count("▲") + usual.count("▼")) == (3, 3, 0)


def test_of_many_too_few_trials_are_marked_as_such():
    found = several(machines(5, repeat=3, m3=9.0), LEAST)
    assert {row.verdict for row in found.compared} == {"few"}
    assert rendered(found, "table").count(" ?") == 4 * 3 + 1  # and in the legend


def test_a_machine_with_few_trials_is_not_what_the_others_are_measured_by():
    short = [result(f"short-{each}", each, repeat=1) for each in range(5)]
    found = several([*short, *machines(3)], LEAST)
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
    lines = rendered(several(sides, LEAST), "table", width).splitlines()
    assert max(map(len, lines)) <= width
    rows = [line for line in lines if line.startswith("2026")]
    assert len(rows) % 30 == 0
    assert len(rows) == (30 if width == 200 else len(rows))
    assert all("6.18.44-fc-v657-x86_64" in line for line in rows[-30:])


@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_pair_fits_the_page(width):
    found = pair(result("a" * 30, 1), result("b", 2, slower={"threads": 1.4}), LEAST)
    assert max(map(len, rendered(found, "table", width).splitlines())) <= width


@pytest.mark.parametrize("found", [pair(result("a"), result("b", 2), LEAST), several(machines(4), LEAST)])
@pytest.mark.parametrize("name", diffs.names())
def test_every_format_tells_of_every_approach(found, name):
    text = rendered(found, name)
    assert not text.endswith("\n")
    for approach in NAMES:
        assert approach in text


def test_json_and_csv_hold_the_same_rows():
    for found in (pair(result("a"), result("b", 2, slower={"sync": 1.5}), LEAST), several(machines(4), LEAST)):
        document = json.loads(rendered(found, "json"))
        sheet = list(csv.DictReader(StringIO(rendered(found, "csv"))))
        assert len(sheet) == len(document["rows"])
        for row, line in zip(document["rows"], sheet, strict=True):
            assert (line["result"], line["approach"]) == (row["result"], row["approach"])
            assert line["verdict"] == (row["verdict"] or "")
            assert line["ratio"] == ("" if row["ratio"] is None else str(row["ratio"]))
            assert line["ratio_ci95.high"] == ("" if row["ratio_ci95"] is None else str(row["ratio_ci95"][1]))
            assert line["server.workers"] == str(row["server"]["workers"])


def test_what_others_wrote_is_shown_as_data():
    hostile = replace(samples.ENVIRONMENT, kernel="\x1b[31mred\n", python="<b>3</b>")
    for name in ("table", "markdown", "csv"):
        text = rendered(pair(result("a\x1b"), result("b", environment=hostile), LEAST), name)
        assert "\x1b" not in text
    markdown = rendered(pair(result("a"), result("b", environment=hostile), LEAST), "markdown")
    assert r"\<b\>" in markdown
