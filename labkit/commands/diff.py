"""``lab.py diff``: saved comparisons side by side."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from glob import glob
from pathlib import Path

from labkit import reports
from labkit.analysis.diff import Side, compare_pair, compare_several, make_side
from labkit.model.errors import UsageError
from labkit.model.load import LoadRun
from labkit.output.format import plural
from labkit.output.page import page, show
from labkit.reports.content.diff import DiffReport
from labkit.results.locate import locate
from labkit.results.read import read
from labkit.results.store import DOCUMENT
from labkit.system import checkout

MOST_NAMED = 10


def run(options: Namespace) -> int:
    """Print the differences; return 0. Raises `UsageError` with everything that cannot be compared."""
    names = [name for pattern in options.results for name in _expand(pattern)]
    if len(names) < 2:
        raise UsageError("diff needs at least two results", "Name two or more: `python lab.py diff A B`.")
    sides = _read_sides([locate(name, checkout.ROOT / "results") for name in names])
    least = options.least / 100
    diff = compare_pair(sides[0], sides[1], least) if len(sides) == 2 else compare_several(sides, least)
    show(reports.render(DiffReport(diff), options.format, page(sys.stdout)))
    return 0


def _expand(pattern: str) -> list[str]:
    """Expand a pattern that the shell has left as it was."""
    return sorted(glob(pattern)) if "*" in pattern else [pattern]  # noqa: PTH207 - a pattern may be absolute


def _read_sides(paths: Sequence[Path]) -> list[Side]:
    """Reduce each result to a side as soon as it is read: no two whole results are in memory at once."""
    sides, errors = [], []
    for label, path in zip(_labels(paths), paths, strict=True):
        try:
            sides.append(_read_side(label, path))
        except UsageError as error:
            errors.append(error.message)
    if errors:
        first, *others = errors[:MOST_NAMED]
        if rest := len(errors[MOST_NAMED:]):
            others.append(f"and {plural(rest, 'other')}")
        raise UsageError(first, "`python lab.py history` lists the results and what they are.", tuple(others))
    return sides


def _read_side(label: str, path: Path) -> Side:
    result = read(path)
    if isinstance(result, LoadRun) or result.mode == "trace":
        kind = "a load" if isinstance(result, LoadRun) else "the trace of a script"
        raise UsageError(f"{path} is {kind}; diff compares results of `python lab.py compare`")
    return make_side(label, result)


def _labels(paths: Sequence[Path]) -> list[str]:
    """Label results by their folders, which may be named after machines; by whole paths if names are equal."""
    names = [(path.parent if path.name == DOCUMENT else path).resolve().name for path in paths]
    labels = [name if names.count(name) == 1 else str(path) for name, path in zip(names, paths, strict=True)]
    seen: Counter[str] = Counter()
    for place, label in enumerate(labels):
        seen[label] += 1
        labels[place] = label if seen[label] == 1 else f"{label} ({seen[label]})"
    return labels
