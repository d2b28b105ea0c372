"""Every benchmark runs: with small numbers, on the real lab, and leaves only its smoke result."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from benchmarks.support import catalogue, needs, store
from benchmarks.support.readme import README
from labkit.system.checkout import ROOT
from tests import leftovers

QUICK = {"trace_truth", "whole"}
NAMES = [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in catalogue.names()]
PATIENCE_S = 100


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def saved_comparisons() -> set[str]:
    folder = ROOT / "results"
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


@pytest.mark.parametrize("name", NAMES)
def test_a_smoke_run_measures_every_table_and_leaves_readme_and_results_alone(name):
    benchmark, readme, comparisons = catalogue.load(name), README.read_bytes(), saved_comparisons()
    if (reason := needs.missing(benchmark.NEEDS)) and os.environ.get("LAB_REQUIRE_BROWSER") != "1":
        pytest.skip(reason)
    with start(name, "--smoke") as process:
        out, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, errors) == (0, ""), out
    (path,) = store.SMOKE_RESULTS.glob(f"*Z-{name}.json")
    assert f"saved in {path.relative_to(ROOT)}" in out
    document = json.loads(path.read_text("utf-8"))
    assert (document["name"], document["smoke"]) == (name, True)
    assert {figure["holds"] for figure in document["figures"]} == {None}, "a smoke run judges no bound"
    measured = {figure["table"] for figure in document["figures"]}
    assert measured >= {table.name for table in benchmark.TABLES} - {"docker"}
    assert README.read_bytes() == readme
    assert saved_comparisons() == comparisons


@pytest.mark.slow
def test_an_interrupted_benchmark_ends_everything_that_it_has_started():
    root = leftovers.folder()
    with start("whole", "--smoke") as process:
        deadline = time.monotonic() + PATIENCE_S
        while len(psutil.Process(process.pid).children(recursive=True)) < 5 and time.monotonic() < deadline:
            time.sleep(0.05)  # until server and harness run
        process.send_signal(signal.SIGTERM)
        out, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, out
    assert errors == "benchmarks: interrupted; finished benchmarks are saved\n"
    assert leftovers.remaining(root) == []


def test_a_wrong_name_is_bad_usage_and_names_the_choices():
    with start("efficency") as process:
        out, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out) == (2, "")
    assert "no benchmark is called 'efficency'; choose from doctor_noise, efficiency," in errors
