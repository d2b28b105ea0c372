"""The generated parts of benchmarks/README.md: for each benchmark its method, the machine and the tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from benchmarks.support import catalogue, store
from benchmarks.support.format import NOT_MEASURED, format_bound, format_figure
from benchmarks.support.model import Benchmark, Column, Figure, Row, Table, by_cell, verdict
from labkit.system.checkout import ROOT

README = ROOT / "benchmarks" / "README.md"
NOTES_SHOWN = 5
_SECTION = re.compile(r"(?<=^<!-- benchmark:)(?P<name>\w+)( -->\n).*?(?=^<!-- end -->$)", re.MULTILINE | re.DOTALL)


def render(text: str) -> str:
    """README's `text` with each section between its markers written anew."""
    return _SECTION.sub(lambda match: f"{match['name']}{match[2]}{section(match['name'])}", text)


def names(text: str) -> list[str]:
    """The benchmarks that README's `text` has sections for."""
    return [match["name"] for match in _SECTION.finditer(text)]


def write() -> None:
    """Write README's sections from the declarations and the newest full results."""
    README.write_text(render(README.read_text("utf-8")), encoding="utf-8")


def section(name: str) -> str:
    """Heading, method, machine and tables of one benchmark, in Markdown."""
    benchmark, path = catalogue.load(name), store.newest(name)
    result = store.load(path) if path else None
    blocks = [f"## {benchmark.TITLE}: `{name}`", (benchmark.__doc__ or "").strip()]
    blocks += ["Not measured yet."] if result is None or path is None else [_measured(result, path)]
    blocks += tables(benchmark, result.report.figures if result else ())
    if result is not None and result.report.notes:
        blocks.append(_notes(result.report.notes))
    return "\n".join(f"{block}\n" for block in blocks)


def tables(benchmark: Benchmark, figures: Iterable[Figure]) -> list[str]:
    """The declared tables in Markdown, with a dash for each figure that is missing."""
    cells = by_cell(tuple(figures))
    return [_table(table, cells, benchmark) for table in benchmark.TABLES]


def _table(table: Table, cells: Mapping[tuple[str, str, str], Figure], benchmark: Benchmark) -> str:
    bounds = any(row.bound for row in table.rows)
    lines = [[table.heading, *(["bound"] if bounds else []), *map(_heading, table.columns)]]
    lines.append(["---", *["--:"] * (len(lines[0]) - 1)])
    for row in table.rows:
        cell = [_cell(cells.get((table.name, row.name, column.name)), table, benchmark) for column in table.columns]
        lines.append([row.name, *([_row_bound(row, table)] if bounds else []), *cell])
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{table.name}:\n\n{text}" if table.name else text


def _heading(column: Column) -> str:
    return f"{column.name} ({format_bound(column.bound, column.unit)})" if column.bound else column.name


def _row_bound(row: Row, table: Table) -> str:
    return format_bound(row.bound, table.unit(row.name, table.columns[0].name))


def _cell(figure: Figure | None, table: Table, benchmark: Benchmark) -> str:
    if figure is None:
        return NOT_MEASURED
    text = format_figure(figure, table.unit(figure.row, figure.column))
    return f"**{text}, missed**" if verdict(benchmark.TABLES, figure) is False else text


def _measured(result: store.Result, path: Path) -> str:
    """The line above the tables: date, duration and machine."""
    machine = result.machine
    docker = f", Docker {machine.docker}" if machine.docker else ""
    commit = f" at commit {machine.commit[:12]}{'-dirty' * machine.commit.endswith('-dirty')}" if machine.commit else ""
    return (
        f"Measured on {result.started_at:%Y-%m-%d}{commit} in {result.took_s:.0f} s: {machine.cpus} CPUs, "
        f"{machine.memory_bytes / 1e9:.0f} GB,\n{machine.kernel}, Python {machine.python}{docker}. At the start: load "
        f"{machine.load_1min:g}, CPUs {machine.cpu_percent:g} % busy.\n"
        f"Raw figures: [{path.name}](results/{path.name})."
    )


def _notes(notes: tuple[str, ...]) -> str:
    shown = [f"- {note}" for note in notes[:NOTES_SHOWN]]
    if len(notes) > NOTES_SHOWN:
        shown.append(f"- and {len(notes) - NOTES_SHOWN} more notes in the raw figures")
    return "\n".join(shown)
