"""The report of differences between saved comparisons: one table per grid point."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import groupby
from typing import Any

from labkit.analysis.diff import Against, Cell, Pair, Row, Several, Side, count_judged, trials_needed
from labkit.analysis.environment_diff import compare_environments, format_value
from labkit.model import Environment
from labkit.output.format import (
    NOT_MEASURED,
    SEPARATOR,
    align_intervals,
    format_count,
    format_fixed,
    format_grid_point,
    format_python,
    plural,
    sanitize,
)
from labkit.reports.blocks import Block, Column, Heading, Item, Items, Table, Tone, figure_column
from labkit.reports.content.comparison import SMALL_S
from labkit.reports.content.diff_rows import document_rows, flat_rows

SCHEMA = "concurrency-lab/diff/1"
MARKS = {"slower": "▲", "faster": "▼", "few": "?"}
TONES: dict[str, Tone] = {"slower": "warning", "faster": "good"}
LEGEND = "▲ slower than the median result, ▼ faster, ? too few trials, no mark: no difference found."


@dataclass(frozen=True, slots=True)
class DiffReport:
    """Two results, or several against the median one."""

    diff: Pair | Several

    def blocks(self) -> tuple[Block, ...]:
        return tuple(_pair(self.diff) if isinstance(self.diff, Pair) else _several(self.diff))

    def document(self) -> dict[str, Any]:
        """Return the document; `environment` and `only_in` exist for two results alone."""
        diff = self.diff
        sides = [diff.first, diff.second] if isinstance(diff, Pair) else diff.sides
        whole: dict[str, Any] = {
            "schema": SCHEMA,
            "least": diff.least,
            "family": count_judged(diff.compared),
            "results": [_result(side) for side in sides],
            "rows": document_rows(diff),
        }
        if isinstance(diff, Pair):
            between = compare_environments(diff.first.environment, diff.second.environment)
            whole["environment"] = [
                {"field": each.field, "before": each.before, "after": each.after} for each in between
            ]
            whole["only_in"] = _only_in(diff)
        return whole

    def rows(self) -> list[dict[str, Any]]:
        return flat_rows(self.diff)


def _result(side: Side) -> dict[str, Any]:
    environment = asdict(side.environment)
    return {"label": side.label, "id": side.id, "started_at": side.started_at, "environment": environment}


def _pair(diff: Pair) -> Iterator[Block]:
    for name, side in (("A", diff.first), ("B", diff.second)):
        yield Heading(f"{name}: {sanitize(side.label)}", (_circumstances(side),))
    yield Heading("Changes in the environment", tuple(_changes(diff)))
    for point, rows in groupby(diff.rows, key=lambda row: row.point):
        yield Heading(format_grid_point(point))
        yield _pair_table(tuple(rows))
    yield _list([*_only_in(diff), *_method(diff)])


def _pair_table(rows: Sequence[Row]) -> Table:
    decimals = _decimals([cell for row in rows for cell in (row.first, row.second)])
    changed = [NOT_MEASURED if row.ratio is None else _percent(row.ratio) for row in rows]
    tones: list[Tone] = ["warning" if row.verdict in TONES else "" for row in rows]
    figure = partial(figure_column, rows)
    return Table(
        (
            Column("name", "approach", tuple(sanitize(row.approach) for row in rows)),
            figure("A\n(s)", "", lambda row: format_fixed(row.first.median_s, decimals)),
            figure("B\n(s)", "", lambda row: format_fixed(row.second.median_s, decimals)),
            figure("B − A\n(s)", "", lambda row: _signed(row.difference_s, decimals)),
            Column("figure", "change in %\n[95 %]", align_intervals(changed, list(map(_interval, rows)))),
            figure("trials\nA, B", "", lambda row: f"{_ranked(row.first)}, {_ranked(row.second)}"),
            Column("text", "verdict", tuple(map(verdict, rows)), tones=tuple(tones)),
        )
    )


def verdict(row: Row) -> str:
    """Put the verdict on B into words: ``B slower by 12 % (8 to 16 %)``."""
    match row.verdict:
        case "none":
            return "no difference found"
        case "few":
            return "too few trials"
        case "baseline":
            return "baseline"
    assert row.ratio is not None, "slower and faster have a figure"
    low, high = sorted(abs(edge - 1) for edge in row.ratio_ci95 or (row.ratio, row.ratio))
    return f"B {row.verdict} by {_share(abs(row.ratio - 1))} % ({_share(low)} to {_share(high)} %)"


def _interval(row: Row) -> str:
    return f" [{_percent(row.ratio_ci95[0])}, {_percent(row.ratio_ci95[1])}]" if row.ratio_ci95 else ""


def _percent(ratio: float) -> str:
    """Format by how much a ratio is more (+) or less (−) than 1, in percent."""
    return f"{'−' if ratio < 1 else '+'}{_share(abs(ratio - 1))}"


def _share(share: float) -> str:
    return f"{100 * share:.0f}" if share >= 0.0995 else f"{100 * share:.1f}"


def _signed(value: float | None, decimals: int) -> str:
    return NOT_MEASURED if value is None else f"{value:+.{decimals}f}".replace("-", "−")


def _ranked(cell: Cell) -> str:
    """Format the number of ranked trials, and of all trials if some are not ranked."""
    number = len(cell.makespans_s)
    return str(number) if number == cell.trials else f"{number}/{cell.trials}"


def _decimals(cells: Sequence[Cell]) -> int:
    return 3 if min((cell.median_s for cell in cells if cell.median_s is not None), default=SMALL_S) < SMALL_S else 2


def _several(diff: Several) -> Iterator[Block]:
    """Yield a table per grid point, with one row per result; the first table also describes the machines."""
    yield Heading(plural(len(diff.sides), "result"))
    names = Column("name", "result", tuple(sanitize(side.label) for side in diff.sides))
    machines = _machines([side.environment for side in diff.sides])
    for point, items in groupby(diff.columns.items(), key=lambda item: item[0][0]):
        figures = [_figures(approach, column, diff.sides) for (_, approach), column in items]
        yield Heading(format_grid_point(point))
        yield Table((names, *machines, *figures))
        machines = ()
    yield _list([LEGEND, *_method(diff)])


def _machines(environments: Sequence[Environment]) -> tuple[Column, ...]:
    return (
        Column("figure", "cpus", tuple(format_count(each.cpus) for each in environments), secondary=True),
        Column("name", "runtime", tuple(sanitize(each.runtime) for each in environments), "run-\ntime", secondary=True),
        Column("name", "Python", tuple(sanitize(each.python or NOT_MEASURED) for each in environments), secondary=True),
        Column("name", "kernel", tuple(map(_kernel, environments)), secondary=True),
    )


def _figures(approach: str, column: Sequence[Against], sides: Sequence[Side]) -> Column:
    decimals = _decimals([against.cell for against in column])
    found = {against.side.label: against for against in column}
    name = sanitize(approach)
    return Column(
        "figure",
        f"{name}\n(s), efficiency",
        tuple(_figure(found.get(side.label), decimals) for side in sides),
        f"{name.replace('_', '_' + chr(10))}\n(s), eff.",
        tuple(TONES.get(_verdict(found.get(side.label)), "") for side in sides),
    )


def _figure(against: Against | None, decimals: int) -> str:
    if against is None:
        return f"{NOT_MEASURED}  "
    cell, mark = against.cell, MARKS.get(_verdict(against), " ")
    return f"{format_fixed(cell.median_s, decimals)} {format_fixed(cell.efficiency, 2)} {mark}"


def _verdict(against: Against | None) -> str:
    return against.row.verdict if against and against.row else ""


def _circumstances(side: Side) -> str:
    """Format ``2026-11-22T12:00:00+00:00 · local · Python 3.11.7 · 2 processors · 6.18.0``."""
    environment = side.environment
    python = format_python(environment.python, None) if environment.python else "unknown"
    cpus = [] if environment.cpus is None else [plural(environment.cpus, "processor")]
    parts = [side.started_at, environment.runtime, f"Python {python}", *cpus, _kernel(environment)]
    return SEPARATOR.join(sanitize(part) for part in parts if part)


def _kernel(environment: Environment) -> str:
    """Format ``6.18.0-x86_64``: without the distribution that an engine adds, and the C library that Python adds."""
    by_engine = re.search(r"kernel ([^,]+), (\w+)$", environment.kernel)
    shown = "-".join(by_engine.groups()) if by_engine else environment.kernel.partition("-with-")[0]
    return sanitize(shown.removeprefix("Linux-")) or NOT_MEASURED


def _changes(diff: Pair) -> list[str]:
    lines = [
        sanitize(f"{each.name}: {format_value(each.before, each.field)} → {format_value(each.after, each.field)}")
        for each in compare_environments(diff.first.environment, diff.second.environment)
    ]
    return lines or ["none recorded"]


def _only_in(diff: Pair) -> list[str]:
    """List what only one result has: grid points, approaches, or else an approach at a grid point."""
    lines: dict[str, None] = {}
    for name, own, other in (("A", diff.first, diff.second), ("B", diff.second, diff.first)):
        points, approaches = ({key[part] for key in other.cells} for part in (0, 1))
        for point, approach in (key for key in own.cells if key not in other.cells):
            where, what = format_grid_point(point), sanitize(approach)
            whole = where if point not in points else what if approach not in approaches else f"{what} ({where})"
            lines[f"only in {name}: {whole}"] = None
    return list(lines)


def _method(diff: Pair | Several) -> list[str]:
    """Explain how the verdicts were reached, and how many trials are missing for the others."""
    noun = "row" if isinstance(diff, Pair) else "figure"
    judged, lines = count_judged(diff.compared), []
    if judged:
        lines.append(
            f"Verdicts are corrected for {plural(judged, noun)} with enough trials (Holm, 5 %) and require a "
            f"difference of more than {100 * diff.least:g} % (--least)."
        )
        if isinstance(diff, Pair):
            lines.append("Each interval is that of its row alone, 95 % (Mann-Whitney).")
    if few := sum(row.verdict == "few" for row in diff.compared):
        lines.append(
            f"{plural(few, noun)} with too few ranked trials: {trials_needed(diff.compared)} on each side would be "
            "enough for all."
        )
    return lines or ["The results have nothing in common." if isinstance(diff, Pair) else "Nothing is in two results."]


def _list(lines: Sequence[str]) -> Items:
    return Items(tuple(map(Item, lines)))
