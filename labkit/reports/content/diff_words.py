"""Differences in words."""

from __future__ import annotations

import re

from labkit.analysis.diff import Pair, Row, Several, Side, family, would_do
from labkit.analysis.environment_diff import compare_environments, format_value
from labkit.model import Environment, GridPoint
from labkit.output.format import NOT_MEASURED, SEPARATOR, format_grid_point, format_python, join_words, plural, sanitize

NO_DIFFERENCE = "no difference to be seen"
TOO_FEW = "too few trials to tell"
IS_BASELINE = "baseline"


def verdict(row: Row, name: str = "B") -> str:
    """``B slower by 12 % (8 to 16 %)``, where `name` is what the second result is called."""
    match row.verdict:
        case "none":
            return NO_DIFFERENCE
        case "few":
            return TOO_FEW
        case "baseline":
            return IS_BASELINE
    assert row.ratio is not None, "nothing is slower or faster without a figure"
    low, high = sorted(abs(edge - 1) for edge in row.ratio_ci95 or (row.ratio, row.ratio))
    return f"{name} {row.verdict} by {_share(abs(row.ratio - 1))} % ({_share(low)} to {_share(high)} %)"


def percent(ratio: float) -> str:
    """How much more (+) or less (−) than 1 it is."""
    return f"{'−' if ratio < 1 else '+'}{_share(abs(ratio - 1))}"


def _share(share: float) -> str:
    return f"{100 * share:.0f}" if share >= 0.0995 else f"{100 * share:.1f}"


def circumstances(side: Side) -> str:
    """``2026-11-22T12:00:00+00:00 · local · Python 3.11.7 · 2 processors``."""
    environment = side.environment
    python = format_python(environment.python, None) if environment.python else "unknown"
    parts = [side.started_at, environment.runtime, f"Python {python}", kernel(environment)]
    if environment.cpus is not None:
        parts.insert(3, plural(environment.cpus, "processor"))
    return SEPARATOR.join(sanitize(part) for part in parts if part)


def kernel(environment: Environment) -> str:
    """``6.18.0-x86_64``: without the distribution, as an engine tells it, and the C library, as Python does."""
    told_by_engine = re.search(r"kernel ([^,]+), (\w+)$", environment.kernel)
    shown = "-".join(told_by_engine.groups()) if told_by_engine else environment.kernel.partition("-with-")[0]
    return sanitize(shown.removeprefix("Linux-")) or NOT_MEASURED


def changed(found: Pair) -> list[str]:
    """What changed around the trials, a line each."""
    between = compare_environments(found.first.environment, found.second.environment)
    lines = [
        sanitize(f"{each.name}: {format_value(each.before, each.field)} → {format_value(each.after, each.field)}")
        for each in between
    ]
    return lines or ["nothing that the results tell of"]


def only_in(found: Pair) -> list[str]:
    """What one of the two alone has: whole grid points and approaches first, then single combinations."""
    lines = []
    for name, own, other in (("A", found.first, found.second), ("B", found.second, found.first)):
        points, others = _points(own), _points(other)
        approaches, theirs = _approaches(own), _approaches(other)
        lines += [f"only in {name}: {format_grid_point(point)}" for point in points if point not in others]
        if missing := [sanitize(approach) for approach in approaches if approach not in theirs]:
            lines.append(f"only in {name}: {join_words(missing)}")
        lines += [
            f"only in {name}: {sanitize(approach)} ({format_grid_point(point)})"
            for point, approach in own.cells
            if (point, approach) not in other.cells and point in others and approach in theirs
        ]
    return lines


def _points(side: Side) -> dict[GridPoint, None]:
    return {point: None for point, _ in side.cells}


def _approaches(side: Side) -> dict[str, None]:
    return {approach: None for _, approach in side.cells}


def how(found: Pair | Several) -> list[str]:
    """How the verdicts came about, and what would be needed where there are none."""
    noun = "row" if isinstance(found, Pair) else "figure"
    judged, lines = family(found.compared), []
    if judged:
        rows = f"there being {plural(judged, noun)} with enough trials (Holm, 5 %)"
        lines.append(f"A verdict allows for {rows}, and counts differences beyond {100 * found.least:g} % (--least).")
        if isinstance(found, Pair):
            lines.append("An interval is its row's own, 95 % (Mann-Whitney).")
    few = sum(row.verdict == "few" for row in found.compared)
    if few:
        lines.append(
            f"Of {plural(few, noun)} too few trials may be ranked: {would_do(found.compared)} of each would do for all."
        )
    return lines or ["Nothing was measured in both." if isinstance(found, Pair) else "Nothing is in more than one."]
