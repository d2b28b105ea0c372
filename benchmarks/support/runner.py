"""Run benchmarks one after another: measure, save, print, judge."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from time import perf_counter

from benchmarks.support import catalogue, needs, readme, store
from benchmarks.support.format import format_bound, format_figure
from benchmarks.support.machine import machine
from benchmarks.support.model import MEASURED, Benchmark, BenchmarkError, Figure, Report, in_order, table_of, verdict
from labkit.system.checkout import ROOT


def run(names: Sequence[str], *, smoke: bool) -> int:
    """Run the benchmarks called `names`; returns 1 if a bound is missed or a benchmark fails, else 0."""
    problems: list[str] = []
    for name in names:
        benchmark = catalogue.load(name)
        if (reason := needs.missing(benchmark.NEEDS)) is not None:
            print(f"{name}: skipped: {reason}", flush=True)
            continue
        print(f"{name}: {benchmark.TITLE}", flush=True)
        try:
            result = measure(name, benchmark, smoke=smoke)
        except BenchmarkError as error:
            problems.append(f"{name}: {error}")
            print(f"  failed: {error}", flush=True)
            continue
        path = store.save(result, benchmark.TABLES)
        if not smoke:
            readme.write()
            problems += (f"{name}: missed: {line}" for line in missed(benchmark, result.report.figures))
        lines = [*figure_lines(benchmark, result), *(f"note: {note}" for note in result.report.notes)]
        print("".join(f"  {line}\n" for line in (*lines, f"saved in {path.relative_to(ROOT)}")), flush=True)
    print("".join(f"{problem}\n" for problem in problems), end="", file=sys.stderr)
    return 1 if problems else 0


def measure(name: str, benchmark: Benchmark, *, smoke: bool) -> store.Result:
    """Run one benchmark. Raises `BenchmarkError`."""
    here, size = machine(), benchmark.SMOKE if smoke else benchmark.FULL
    started_at, began = datetime.now(UTC).replace(microsecond=0), perf_counter()
    report = benchmark.run(size)
    took_s = perf_counter() - began
    report = Report(in_order(benchmark.TABLES, report.figures), report.notes)
    return store.Result(name, started_at, took_s, smoke, asdict(size), here, report)


def figure_lines(benchmark: Benchmark, result: store.Result) -> Iterator[str]:
    """One line per figure, in a full run with its bound and the verdict."""
    for figure in result.report.figures:
        line = f"{_label(figure):<68} {_text(benchmark, figure)}"
        holds = None if result.smoke else verdict(benchmark.TABLES, figure)
        yield line if holds is None else f"{line}, bound {_bound(benchmark, figure)}: {'holds' if holds else 'MISSED'}"


def missed(benchmark: Benchmark, figures: Sequence[Figure]) -> Iterator[str]:
    """One line per figure that violates its bound."""
    for figure in figures:
        if verdict(benchmark.TABLES, figure) is False:
            yield f"{_label(figure)}: {_text(benchmark, figure)}, bound {_bound(benchmark, figure)}"


def describe(name: str) -> str:
    """The line of ``--list``: name, title, needs, and the duration of the newest full run."""
    benchmark, path = catalogue.load(name), store.newest(name)
    took = f"{store.load(path).took_s:.0f} s" if path else "not measured yet"
    needed = [f"needs {need}" for need in benchmark.NEEDS] + [f"parts need {need}" for need in benchmark.PARTS_NEED]
    return f"{name:<16} {benchmark.TITLE} ({'; '.join([took, *needed])})"


def _label(figure: Figure) -> str:
    column = "" if figure.column == MEASURED else figure.column
    return ", ".join(filter(None, (figure.table, figure.row, column)))


def _text(benchmark: Benchmark, figure: Figure) -> str:
    return format_figure(figure, table_of(benchmark.TABLES, figure).unit(figure.row, figure.column))


def _bound(benchmark: Benchmark, figure: Figure) -> str:
    table = table_of(benchmark.TABLES, figure)
    return format_bound(table.bound(figure.row, figure.column), table.unit(figure.row, figure.column))
