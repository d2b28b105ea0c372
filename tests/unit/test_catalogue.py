"""The approach files, and the catalogue that reads valid and broken ones."""

from __future__ import annotations

import ast
import re
import sys

import pytest

from clients.harness import catalogue
from clients.harness.catalogue import Approach, BrokenApproach
from clients.harness.unavailable import PACKAGES

each_approach = pytest.mark.parametrize("name", catalogue.names())
MAIN = "def main(urls):\n    return []\n"


def source_of(name):
    return (catalogue.FOLDER / f"{name}.py").read_text("utf-8")


def read(folder, text, name="mine"):
    (folder / f"{name}.py").write_bytes(text if isinstance(text, bytes) else text.encode())
    return catalogue.read(name, folder)


@each_approach
def test_an_approach_is_short(name):
    text = source_of(name)
    is_robust = "timeout" in catalogue.read(name).keywords  # handles failures, which needs more lines
    assert text.count("\n") <= (55 if is_robust else 35)
    docstring = ast.get_docstring(ast.parse(text), clean=False)
    code = text.replace(docstring, "").splitlines()[1:]
    assert len([line for line in code if line.strip() and not line.strip().startswith("#")]) <= (
        40 if is_robust else 30
    )


@each_approach
def test_the_summary_of_an_approach_is_one_line(name):
    summary = catalogue.read(name).summary
    assert 10 <= len(summary) <= 110
    assert summary.endswith(".")


@each_approach
def test_an_approach_has_no_measuring_code(name):
    assert not re.search(r"harness|labkit|recorder|monotonic|perf_counter|import time|class ", source_of(name))


@each_approach
def test_the_harness_offers_all_parameters_of_an_approach(name):
    assert catalogue.read(name).keywords <= {"limit", "timeout", "rate", "handle"}


def test_the_lab_has_its_approaches():
    assert set(catalogue.names()) >= {
        "sync", "threads", "thread_pool", "asyncio_gather", "asyncio_semaphore", "process_pool", "asyncio_taskgroup",
        "asyncio_to_thread", "asyncio_queue", "httpx_async", "trio", "gevent", "process_pool_executor",
        "interpreter_pool", "thread_pool_robust", "asyncio_robust", "asyncio_adaptive",
    }  # fmt: skip


def test_python_files_without_a_leading_underscore_are_approaches(tmp_path):
    for name in ("b.py", "a.py", "_private.py", "__init__.py", "notes.txt", "c.pyc"):
        (tmp_path / name).touch()
    (tmp_path / "harness").mkdir()
    assert catalogue.names(tmp_path) == ("a", "b")


def test_a_new_file_is_a_new_approach(tmp_path):
    text = '"""Mine: all at once.\n\nMore about it.\n"""\n\nMAX_IN_FLIGHT = 4\nREQUIRES_PYTHON = (3, 14)\n\n\n'
    text += "async def main(urls, limit, *, timeout=None):\n    return []\n"
    assert read(tmp_path, text) == Approach("mine", "Mine: all at once.", frozenset({"limit", "timeout"}), 4, (3, 14))


def test_a_minimal_file_is_an_approach(tmp_path):
    assert read(tmp_path, MAIN) == Approach("mine", "", frozenset(), None, None)


def test_reading_a_file_does_not_run_it(tmp_path):
    assert read(tmp_path, "raise SystemExit('ran')\n" + MAIN).name == "mine"


@pytest.mark.parametrize(
    ("most", "keywords", "bound"),
    [(None, (), 9), (1, (), 1), (20, (), 9), (None, ("limit",), 3), (2, ("limit",), 2), (4, ("limit",), 3)],
)
def test_the_bound_is_the_smallest_of_all_bounds(most, keywords, bound):
    assert Approach("mine", "", frozenset(keywords), most, None).bound(requests=9, limit=3) == bound


def test_the_bounds_of_the_labs_approaches():
    bounds = {name: catalogue.read(name).bound(9, 3) for name in catalogue.names()}
    assert bounds["sync"] == 1
    assert {name for name, bound in bounds.items() if bound == 9} == {"threads", "asyncio_gather", "asyncio_taskgroup"}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        pytest.param("def main(urls):\n    return [\n", "line 2", id="a syntax error"),
        pytest.param("def main(urls):\nreturn []\n", "line 2", id="an indentation error"),
        pytest.param("def fetch(url):\n    return url\n", "main(urls)", id="no main"),
        pytest.param("class A:\n    def main(self, urls):\n        return []\n", "main(urls)", id="main in a class"),
        pytest.param("", "main(urls)", id="an empty file"),
        pytest.param("# mine\ndef main():\n    return []\n", "line 2", id="main without urls"),
        pytest.param("def main(*, limit):\n    return []\n", "line 1", id="main with only keyword parameters"),
        pytest.param("# mine\nNAME = 'caf\xe9'\n".encode("latin-1") + MAIN.encode(), "line 2", id="not UTF-8"),
        pytest.param(b"\x00\x01\x02", "null bytes", id="binary data"),
        pytest.param("# coding: klingon\n" + MAIN, "klingon", id="an unknown encoding"),
        pytest.param("OWN_GILS = 1\n" + MAIN, "OWN_GILS", id="OWN_GILS that is not a bool"),
        pytest.param("MAX_IN_FLIGHT = 0\n" + MAIN, "MAX_IN_FLIGHT", id="a bound of zero"),
        pytest.param("MAX_IN_FLIGHT = True\n" + MAIN, "line 1", id="a bound that is a bool"),
        pytest.param("MAX_IN_FLIGHT = {[]: 1}\n" + MAIN, "line 1", id="a bound that is an invalid literal"),
        pytest.param("MAX_IN_FLIGHT = len('x')\n" + MAIN, "line 1", id="a bound that is an expression"),
        pytest.param("REQUIRES_PYTHON = (3,)\n" + MAIN, "REQUIRES_PYTHON", id="an incomplete version"),
        pytest.param("REQUIRES_PYTHON = ('x', 14)\n" + MAIN, "REQUIRES_PYTHON", id="a version with a string"),
    ],
)
def test_an_error_names_the_file_and_line(tmp_path, text, named):
    folder = tmp_path / "clients"
    folder.mkdir()
    with pytest.raises(BrokenApproach, match=r"^clients/mine\.py") as caught:
        read(folder, text)
    assert named in str(caught.value)
    assert not re.search("line (None|0)", str(caught.value))


@pytest.mark.parametrize("name", ["locust", "load", "server", "client"])
def test_an_approach_cannot_have_the_name_of_another_service(tmp_path, name):
    with pytest.raises(BrokenApproach, match=rf"{name}\.py: this name is not allowed or is reserved"):
        read(tmp_path, MAIN, name)


def test_the_baseline_has_the_form_of_an_approach():
    baseline = catalogue.read_baseline()
    assert (baseline.name, baseline.keywords, baseline.requires_python) == ("locust", {"limit"}, None)
    assert "Locust" in baseline.summary
    assert baseline.bound(requests=9, limit=3) == 3
    assert "locust" not in catalogue.names()


def test_constants_may_be_annotated(tmp_path):
    found = read(tmp_path, "MAX_IN_FLIGHT: int = 1\nREQUIRES_PYTHON: tuple[int, int] = (3, 14)\n" + MAIN)
    assert (found.max_in_flight, found.requires_python) == (1, (3, 14))


def test_an_error_names_a_folder_in_place_of_a_file(tmp_path):
    (tmp_path / "mine.py").mkdir()
    with pytest.raises(BrokenApproach, match=r"mine\.py"):
        catalogue.read("mine", tmp_path)


def test_processes_and_interpreters_have_their_own_gils():
    own = {name for name in catalogue.names() if catalogue.read(name).own_gils}
    assert own == {"process_pool", "process_pool_executor", "interpreter_pool"}
    assert catalogue.read("process_pool").cores(bound=3, cpus=2) == 2
    assert catalogue.read("process_pool").cores(bound=1, cpus=2) == 1
    assert catalogue.read("threads").cores(bound=3, cpus=2) == 1


@each_approach
def test_the_packages_of_an_approach_are_listed_and_locked(name):
    """If a listed package is not installed, the approach is unavailable, not broken."""
    tree = ast.parse(source_of(name))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    packages = {name.partition(".")[0].replace("_", "-") for name in names} - sys.stdlib_module_names
    assert packages <= PACKAGES
    locked = (catalogue.FOLDER.parent / "requirements" / "image.txt").read_text("utf-8")
    assert [package for package in packages if f"\n{package}==" not in locked] == []
