"""The benchmarks' own parts: bounds and verdicts, saved results, and README's tables, which no hand types."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from benchmarks import no_difference
from benchmarks.support import catalogue, readme, runner, store
from benchmarks.support.format import DECIMALS, format_bound, format_figure
from benchmarks.support.model import (
    MEASURED,
    BenchmarkError,
    Bound,
    Column,
    Figure,
    Report,
    Row,
    Table,
    in_order,
    median_of,
    median_ratio,
)
from benchmarks.support.processes import output_of

TABLE = Table(
    "approach",
    (Column("time", "s"), Column("ratio", bound=Bound(at_most=1.05))),
    (Row("sync"), Row("threads")),
)


@dataclass(frozen=True)
class Size:
    repeats: int


def benchmark(*figures: Figure, error: str = ""):
    def run(size):
        if error:
            raise BenchmarkError(error)
        return Report(figures, (f"{size.repeats} repeats",))

    return SimpleNamespace(
        __doc__="Time of an approach.\n",
        TITLE="Time",
        NEEDS=(),
        PARTS_NEED=(),
        TABLES=(TABLE,),
        FULL=Size(5),
        SMOKE=Size(1),
        run=run,
    )


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """Folders and a README of their own, and the benchmarks that a test puts into the dictionary."""
    found = {}
    monkeypatch.setattr(store, "FULL_RESULTS", tmp_path / "results")
    monkeypatch.setattr(store, "SMOKE_RESULTS", tmp_path / "smoke")
    monkeypatch.setattr(readme, "README", tmp_path / "README.md")
    monkeypatch.setattr(runner, "ROOT", tmp_path)
    monkeypatch.setattr(catalogue, "load", found.__getitem__)
    readme.README.write_text("# Head\n\n<!-- benchmark:time -->\nold\n<!-- end -->\n\nfoot\n", "utf-8")
    return found


GOOD = (median_of("sync", "time", [3.1, 3.0, 3.3]), Figure("sync", "ratio", 1.01))
BAD = (Figure("threads", "ratio", 1.2),)


def test_every_benchmark_has_a_section_in_readme_and_every_section_a_benchmark():
    assert sorted(readme.names(readme.README.read_text("utf-8"))) == list(catalogue.names())


def test_readme_is_what_declarations_and_saved_results_render_to():
    text = readme.README.read_text("utf-8")
    assert readme.render(text) == text, "write it with `python -m benchmarks --render`"


@pytest.mark.parametrize("name", catalogue.names())
def test_a_benchmark_declares_its_tables_and_its_newest_result_fits_them(name):
    declared = catalogue.load(name)
    assert declared.__doc__
    assert type(declared.FULL) is type(declared.SMOKE)
    for table in declared.TABLES:
        cells = [(row.name, column.name) for row in table.rows for column in table.columns]
        assert len(set(cells)) == len(cells)
        assert {table.unit(*cell) for cell in cells} <= set(DECIMALS)
    if path := store.newest(name):
        result = store.load(path)
        assert not result.smoke
        in_order(declared.TABLES, result.report.figures)


def test_a_full_run_saves_writes_readme_and_misses_no_bound(lab, capsys):
    lab["time"] = benchmark(*GOOD)
    assert runner.run(["time"], smoke=False) == 0
    (path,) = store.FULL_RESULTS.iterdir()
    result = store.load(path)
    assert (result.name, result.smoke, result.size, result.report) == (
        "time",
        False,
        {"repeats": 5},
        Report(GOOD, ("5 repeats",)),
    )
    head, _, rest = readme.README.read_text("utf-8").partition(
        "## Time: `time`\n\nTime of an approach.\n\nMeasured on "
    )
    assert head == "# Head\n\n<!-- benchmark:time -->\n"
    assert rest.partition("\n\n")[2] == (
        "| approach | time | ratio (≤ 1.05) |\n"
        "| --- | --: | --: |\n"
        "| sync | 3.100 s (3.000 to 3.300) | 1.010 |\n"
        "| threads | – | – |\n\n"
        "- 5 repeats\n"
        "<!-- end -->\n\nfoot\n"
    )
    assert "1.010, bound ≤ 1.05: holds" in capsys.readouterr().out


@pytest.mark.parametrize("figures", [BAD, (Figure("threads", "ratio", None),)], ids=["beyond it", "no value"])
def test_a_full_run_fails_if_a_bound_is_missed(lab, capsys, figures):
    lab["time"] = benchmark(*GOOD, *figures)
    assert runner.run(["time"], smoke=False) == 1
    out, errors = capsys.readouterr()
    assert "bound ≤ 1.05: MISSED" in out
    assert errors.startswith("time: missed: threads, ratio: ")
    assert ("**1.200, missed**" if figures == BAD else "**–, missed**") in readme.README.read_text("utf-8")


def test_a_smoke_run_judges_no_bound_and_leaves_readme_alone(lab, capsys):
    lab["time"] = benchmark(*BAD)
    before = readme.README.read_text("utf-8")
    assert runner.run(["time"], smoke=True) == 0
    assert "bound" not in capsys.readouterr().out
    assert readme.README.read_text("utf-8") == before
    assert store.newest("time") is None
    (path,) = store.SMOKE_RESULTS.iterdir()
    assert store.load(path).size == {"repeats": 1}


def test_a_benchmark_that_fails_does_not_stop_the_others(lab, capsys):
    lab |= {"broken": benchmark(error="no server"), "time": benchmark(*GOOD)}
    assert runner.run(["broken", "time"], smoke=False) == 1
    assert capsys.readouterr().err == "broken: no server\n"
    assert store.newest("time") is not None


def test_a_command_that_exceeds_its_time_limit_is_stopped_and_named():
    with pytest.raises(BenchmarkError, match=r"^stopped after 0\.1 s: `.*time\.sleep.*` ended with exit code -15$"):
        output_of([sys.executable, "-c", "import time; time.sleep(60)"], 0.1)


def test_a_benchmark_whose_needs_are_not_met_is_skipped_with_the_reason(lab, capsys, monkeypatch):
    monkeypatch.setitem(runner.needs.NEEDS, "Atari", lambda: "no Atari is connected")
    lab["time"] = benchmark()
    lab["time"].NEEDS = ("Atari",)
    assert runner.run(["time"], smoke=False) == 0
    assert capsys.readouterr().out == "time: skipped: no Atari is connected\n"
    assert store.newest("time") is None


def test_a_figure_that_no_table_declares_is_an_error():
    with pytest.raises(ValueError, match="not in list"):
        in_order((TABLE,), [Figure("sync", MEASURED, 1.0)])


@pytest.mark.parametrize(
    ("bound", "unit", "text", "inside", "outside"),
    [
        (Bound(at_most=3.0), "s", "≤ 3 s", [0.0, 3.0], [3.1]),
        (Bound(at_least=0.95), "", "≥ 0.95", [0.95, 7.0], [0.949]),
        (Bound(at_least=2.5, at_most=97.5), "%", "2.5 % to 97.5 %", [2.5, 97.5], [2.4, 97.6]),
        (Bound(at_most=0), "count", "0", [0], [1]),
        (Bound(at_least=1000), "count", "≥ 1,000", [1000], [999]),
    ],
)
def test_a_bound_includes_its_ends(bound, unit, text, inside, outside):
    assert format_bound(bound, unit) == text
    assert all(map(bound.holds, inside))
    assert not any(map(bound.holds, outside))


@pytest.mark.parametrize(
    ("figure", "unit", "text"),
    [
        (Figure("", "", 1.4432), "s", "1.443 s"),
        (median_of("", "", [17.04, 16.0, 18.26]), "ms", "17.0 ms (16.0 to 18.3)"),
        (Figure("", "", 10_000), "count", "10,000"),
        (Figure("", "", 2208.6), "per second", "2,209 per second"),
        (median_of("", "", []), "s", "–"),
        (median_ratio("", "", [4.0, 2.0, 3.0], [2.0]), "", "1.500"),
        (median_ratio("", "", [], [2.0]), "", "–"),
    ],
)
def test_a_figure_is_shown_with_its_unit_and_its_range(figure, unit, text):
    assert format_figure(figure, unit) == text


def test_the_pairs_of_no_difference_show_a_longer_second_run_alone():
    def document(*makespans):
        trial = {"approach": "sync", "outcome": "ok", "checks": [{"ok": True}]}
        return {"trials": [{**trial, "makespan_s": each} for each in makespans]}

    pair = document(1.0, 1.01, 1.02, 1.03, 1.04), document(1.005, 1.015, 1.025, 1.035, 1.045)
    assert no_difference._seen(pair, ("sync",), 5.0, 1.0) == [False]
    assert no_difference._seen(pair, ("sync",), 5.0, no_difference.LONGER) == [True]
