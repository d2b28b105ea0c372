"""The noise floor that `lab.py doctor` predicts, beside the differences between identical trials.

The trials are twelve of thread_pool, about one second long, on this machine; everything is done 3 times in turn. The
prediction is the mean of the doctor's figures before and after the trials. The trials differ by the 95th percentile
of the differences between all pairs of them, as a share of their median. Waiting trials wait for one answer each;
computing trials spend more than half of the time on pure Python.

The prediction is right in size, and no substitute for `--repeat`. It falls short where other programs begin to work
between the two.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, median

from benchmarks.support.lab import compare, lab
from benchmarks.support.model import Column, Report, Row, Table, median_of
from labkit.analysis.statistics import percentile

TITLE = "The doctor's noise floor"
NEEDS = ()
PARTS_NEED = ()
_PREDICTED, _DIFFER, _RATIO = "doctor predicts", "trials differ by", "differ ÷ predicted"
TABLES = (
    Table(
        "trials",
        (Column(_PREDICTED, "%"), Column(_DIFFER, "%"), Column(_RATIO)),
        (Row("waiting"), Row("computing")),
    ),
)
# For each kind of trial the doctor's figure and the options of the comparison.
KINDS = {
    "waiting": ("waiting_s", ("--requests", "3", "--delay", "1")),
    "computing": ("working_s", ("--requests", "9", "--delay", "0.15", "--handle-ms", "60")),
}


@dataclass(frozen=True, slots=True)
class Size:
    rows: int
    repeats: int
    kinds: tuple[str, ...]


FULL = Size(rows=3, repeats=12, kinds=("waiting", "computing"))
SMOKE = Size(rows=1, repeats=2, kinds=("computing",))


def run(size: Size) -> Report:
    figures = []
    for kind in size.kinds:
        figure, load = KINDS[kind]
        predicted, differ = [], []
        for _ in range(size.rows):
            before = _predicted_percent(figure)
            differ.append(_differ_percent(size.repeats, load))
            predicted.append(fmean([before, _predicted_percent(figure)]))
        figures += [median_of(kind, _PREDICTED, predicted), median_of(kind, _DIFFER, differ)]
        figures.append(median_of(kind, _RATIO, [one / other for one, other in zip(differ, predicted, strict=True)]))
    return Report(tuple(figures))


def _predicted_percent(figure: str) -> float:
    (noise,) = (each for each in json.loads(lab("doctor", "--format", "json"))["findings"] if each["name"] == "noise")
    return 100 * float(noise["figures"][figure])


def _differ_percent(repeats: int, load: tuple[str, ...]) -> float:
    """The 95th percentile of the differences between identical trials, including trials with failed checks."""
    document = compare("thread_pool", "--runtime", "local", "--repeat", str(repeats), *load).document
    times = [trial["makespan_s"] for trial in document["trials"] if trial["makespan_s"] is not None]
    differences = [abs(one - other) for one, other in combinations(times, 2)]
    return float(100 * percentile(differences, 95) / median(times))
