"""``lab.py diff``: saved comparisons side by side."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from glob import glob
from pathlib import Path

from labkit import diffs
from labkit.analysis.diff import Side, pair, several, side
from labkit.model.errors import UsageError
from labkit.model.load import LoadRun
from labkit.output.format import plural
from labkit.output.page import page, show
from labkit.results.locate import locate
from labkit.results.read import read
from labkit.results.store import DOCUMENT
from labkit.system import checkout

NAMED = 9


def run(options: Namespace) -> int:
    """Print by how much they differ; 0. Raises `UsageError` with everything that cannot be compared."""
    named = [each for wanted in options.results for each in _expanded(wanted)]
    if len(named) < 2:
        raise UsageError("one result alone differs from nothing", "Name two, or more: `python lab.py diff A B`.")
    paths = [locate(wanted, checkout.ROOT / "results") for wanted in named]
    sides = _sides(paths)
    least = options.least / 100
    found = pair(sides[0], sides[1], least) if len(sides) == 2 else several(sides, least)
    show(diffs.load(options.format).render(found, page(sys.stdout)))
    return 0


def _expanded(wanted: str) -> list[str]:
    """What a pattern stands for, which not every shell writes out."""
    return sorted(glob(wanted)) if "*" in wanted else [wanted]  # noqa: PTH207 - a pattern may be absolute


def _sides(paths: Sequence[Path]) -> list[Side]:
    """Each as soon as it is read, so that no more than one whole result is in memory."""
    sides, wrong = [], []
    for label, path in zip(_labels(paths), paths, strict=True):
        try:
            sides.append(_side(label, path))
        except UsageError as error:
            wrong.append(error.message)
    if wrong:
        others = wrong[1 : NAMED + 1]
        if rest := len(wrong) - 1 - len(others):
            others.append(f"and {plural(rest, 'other')}")
        raise UsageError(wrong[0], "`python lab.py history` tells which can be compared.", tuple(others))
    return sides


def _side(label: str, path: Path) -> Side:
    result = read(path)
    if isinstance(result, LoadRun) or result.mode == "trace":
        what = "a load" if isinstance(result, LoadRun) else "the trace of a script"
        raise UsageError(f"{path} is {what}, and what can be compared is comparisons")
    return side(label, result)


def _labels(paths: Sequence[Path]) -> list[str]:
    """The names of the folders, which people give to machines; whole paths where two have one name."""
    names = [(path.parent if path.name == DOCUMENT else path).resolve().name for path in paths]
    times = Counter(names)
    labels = [name if times[name] == 1 else str(path) for name, path in zip(names, paths, strict=True)]
    seen: Counter[str] = Counter()
    for place, label in enumerate(labels):
        seen[label] += 1
        labels[place] = label if seen[label] == 1 else f"{label} ({seen[label]})"
    return labels
