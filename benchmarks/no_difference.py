"""Pairs of the same comparison, compared with `lab.py diff`.

Each comparison has three approaches, 9 requests with 0.05 s delay and 8 repeats, on this machine. A pair counts as
"without a difference" if that is the verdict on every approach. A pair with too few trials that can be ranked is run
again, ten times in all at most.

The last rows show that the verdict is not blind: they judge the same makespans with other values of `--least`, and
with the second run's makespans 25 % longer. Two runs a few minutes apart differ by a percent or two; the smallest
difference that matters (`--least`) keeps such drift from being reported.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import log
from typing import Any

from benchmarks.support.lab import lab, makespans, running
from benchmarks.support.model import MEASURED, Bound, Column, Figure, Report, Row, Table, median_of
from labkit.analysis.rank_tests import ALPHA, holm, least_p, p_beyond
from labkit.options.saved_results import LEAST_PERCENT

TITLE = "Two runs of the same comparison"
NEEDS = ()
PARTS_NEED = ()
LEASTS = (0.0, 2.0, LEAST_PERCENT)
LONGER = 1.25
_JUDGED, _SAME, _AGAIN = "pairs judged", "pairs without a difference", "pairs run again"
_SHIFT, _LARGEST = "shift between two runs of an approach", "shift between two runs of an approach, largest"
TABLES = (
    Table(
        "figure",
        (Column(MEASURED),),
        (
            Row(_JUDGED, "count", Bound(at_least=20)),
            Row(_SAME, "count", Bound(at_least=19)),
            Row(_AGAIN, "count"),
            Row(_SHIFT, "%"),
            Row(_LARGEST, "%"),
            *(Row(f"pairs with a difference, `--least {least:g}`", "count") for least in LEASTS),
            Row("rows judged", "count"),
            *(Row(f"rows in which 25 % more is seen, `--least {least:g}`", "count") for least in LEASTS),
        ),
    ),
)

Pair = tuple[dict[str, Any], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Size:
    pairs: int
    again: int
    repeats: int
    approaches: tuple[str, ...]


FULL = Size(pairs=20, again=10, repeats=8, approaches=("sync", "threads", "asyncio_semaphore"))
SMOKE = Size(pairs=1, again=0, repeats=4, approaches=("threads",))


def run(size: Size) -> Report:
    pairs: list[Pair] = []
    rows: list[list[dict[str, Any]]] = []
    again = 0
    while len(pairs) < size.pairs and again <= size.again:
        pair, found = _measure(size)
        if any(row["verdict"] == "few" for row in found):
            again += 1
        else:
            pairs.append(pair)
            rows.append(found)
    same = sum(all(row["verdict"] == "none" for row in each) for each in rows)
    shifts = [100 * abs(row["ratio"] - 1) for each in rows for row in each]
    return Report(
        (
            Figure(_JUDGED, MEASURED, len(pairs)),
            Figure(_SAME, MEASURED, same),
            Figure(_AGAIN, MEASURED, again),
            median_of(_SHIFT, MEASURED, shifts),
            Figure(_LARGEST, MEASURED, max(shifts, default=None)),
            *_verdicts(pairs, size.approaches),
        )
    )


def _measure(size: Size) -> tuple[Pair, list[dict[str, Any]]]:
    """One pair of comparisons and the rows of their diff."""
    load = ("--requests", "9", "--delay", "0.05", "--repeat", str(size.repeats), "--runtime", "local", "--no-baseline")
    with running("compare", *size.approaches, *load) as first, running("compare", *size.approaches, *load) as second:
        diff = json.loads(lab("diff", first.document["id"], second.document["id"], "--format", "json"))
    return (first.document, second.document), diff["rows"]


def _verdicts(pairs: list[Pair], approaches: tuple[str, ...]) -> Iterator[Figure]:
    yield Figure("rows judged", MEASURED, len(pairs) * len(approaches))
    for least in LEASTS:
        differing = sum(any(_seen(pair, approaches, least, 1.0)) for pair in pairs)
        longer = sum(sum(_seen(pair, approaches, least, LONGER)) for pair in pairs)
        yield Figure(f"pairs with a difference, `--least {least:g}`", MEASURED, differing)
        yield Figure(f"rows in which 25 % more is seen, `--least {least:g}`", MEASURED, longer)


def _seen(pair: Pair, approaches: tuple[str, ...], least: float, longer: float) -> list[bool]:
    """For each approach: a difference beyond `least` percent is seen if the second run's makespans are × `longer`."""
    first, second = pair
    samples = [
        ([log(s) for s in makespans(first, name)], [log(s * longer) for s in makespans(second, name)])
        for name in approaches
    ]
    p_values = [p_beyond(*each, log(1 + least / 100)) for each in samples if least_p(*map(len, each)) <= ALPHA]
    return [p <= ALPHA for p in holm(p_values)]
