"""The architecture: imports between folders, the length of modules, and addresses that no file contains."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Container, Iterable, Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from clients.harness import catalogue
from labkit.system.checkout import ROOT

LABKIT, CLIENTS, SERVER = (sorted((ROOT / name).rglob("*.py")) for name in ("labkit", "clients", "server"))
LOADTEST = sorted((ROOT / "loadtest").rglob("*.py"))
HARNESS = [path for path in CLIENTS if "harness" in path.parts]
# Modules inside the measured process, which pays for each import.
MEASURED = [path for path in HARNESS if path.parent.name in {"hooks", "site"}] + [
    ROOT / "clients" / "harness" / f"{name}.py" for name in ("__init__", "handlers", "lanes", "measured", "recorder")
]
# The same in a traced trial alone.
TRACED = [ROOT / "clients" / "harness" / "tracer" / f"{name}.py" for name in ("__init__", "tasks")]

# The folders of labkit, from the bottom up, and the folders that each may import.
MAY_IMPORT = {
    "model": set(),
    "system": {"model"},
    "scenarios": {"model", "system"},
    "plan": {"model"},
    "analysis": {"model"},
    "output": {"model"},
    "setup": {"model", "system"},
    "runtime": {"model", "setup", "system"},
    "bundle": {"model", "runtime", "setup", "system"},
    "results": {"model", "analysis"},
    "doctor": {"model", "analysis", "output", "runtime", "setup", "system"},
    "reports": {"model", "analysis", "output", "results", "scenarios", "system"},
    "run": {"model", "analysis", "output", "plan", "results", "runtime", "system"},
    "load": {"model", "analysis", "output", "results", "run", "runtime", "system"},
    "options": {"model", "reports", "scenarios"},
}


def name_of(path: Path) -> str:
    """The dotted name of a module in this repository."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def imports_of(path: Path, skip: Callable[[ast.AST], bool] = lambda _: False) -> frozenset[str]:
    """The modules that a file imports, except under nodes for which `skip` holds."""
    found = set()
    for node in _nodes(ast.parse(path.read_bytes()), skip):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            found |= {_module(f"{node.module}.{alias.name}") or str(node.module) for alias in node.names}
    return frozenset(found)


def for_types_alone(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and getattr(node.test, "id", None) == "TYPE_CHECKING"


def not_at_once(node: ast.AST) -> bool:
    return for_types_alone(node) or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def _nodes(node: ast.AST, skip: Callable[[ast.AST], bool]) -> Iterator[ast.AST]:
    if not skip(node):
        yield node
        for child in ast.iter_child_nodes(node):
            yield from _nodes(child, skip)


def _module(name: str) -> str | None:
    """`name`, if it is a module of this repository: ``from labkit.system import runs`` imports labkit.system.runs."""
    path = ROOT.joinpath(*name.split("."))
    return name if path.with_suffix(".py").exists() or path.is_dir() else None


def in_folder(folder: str) -> list[Path]:
    return [path for path in LABKIT if path.relative_to(ROOT / "labkit").parts[0] == folder]


def of(package: str, names: Iterable[str]) -> set[str]:
    return {name for name in names if name.split(".")[0] == package}


def breaches(paths: Iterable[Path], package: str, allowed: Container[str] = ()) -> list[str]:
    """Each import of a module of `package` that is not among the allowed names."""
    return [
        f"{name_of(path)} imports {name}"
        for path in paths
        for name in sorted(of(package, imports_of(path)))
        if name not in allowed
    ]


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_a_folder_of_labkit_imports_only_folders_below_it(folder):
    imported = {name.split(".")[1] for path in in_folder(folder) for name in of("labkit", imports_of(path))} - {folder}
    assert imported <= MAY_IMPORT[folder]
    assert MAY_IMPORT[folder] <= set(MAY_IMPORT)


def test_imports_never_go_in_a_circle():
    levels: dict[str, int] = {}
    for folder, below in MAY_IMPORT.items():
        levels[folder] = 1 + max((levels[name] for name in below), default=0)
    assert max(levels.values()) <= 6  # commands and cli stand above


def test_no_modules_import_each_other_in_a_circle():
    graph = {name_of(path): of("labkit", imports_of(path)) - {"labkit", name_of(path)} for path in LABKIT}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_every_folder_of_labkit_has_its_line():
    folders = {path.parent.name for path in (ROOT / "labkit").glob("*/__init__.py")}
    assert folders == {*MAY_IMPORT, "commands"}
    assert {path.name for path in (ROOT / "labkit").glob("*.py")} == {"__init__.py", "cli.py"}


def test_only_one_module_imports_the_docker_sdk():
    assert {name_of(path) for path in LABKIT if of("docker", imports_of(path))} == {"labkit.runtime.engine"}


def test_clients_server_and_load_test_do_not_import_the_lab():
    assert breaches([*CLIENTS, *SERVER, *LOADTEST], "labkit") == []
    assert breaches([*CLIENTS, *SERVER, *LOADTEST], "docker") == []


def test_server_and_clients_do_not_import_each_other():
    assert breaches(SERVER, "clients") == []
    assert breaches(CLIENTS, "server") == []


def test_an_approach_does_not_import_the_harness():
    assert breaches([catalogue.FOLDER / f"{name}.py" for name in catalogue.names()], "clients") == []


def test_labkit_imports_only_the_behaviour_of_the_server():
    assert breaches(LABKIT, "server", {"server.behaviour"}) == []


def test_labkit_imports_only_four_modules_of_the_harness():
    modules = ("protocol", "catalogue", "recorder", "last_lines")
    assert breaches(LABKIT, "clients", {f"clients.harness.{name}" for name in modules}) == []


def test_modules_of_the_measured_process_import_only_the_standard_library_and_each_other():
    ours = {name_of(path) for path in MEASURED + TRACED}
    names = {name for path in MEASURED + TRACED for name in imports_of(path, skip=for_types_alone)}
    assert {name for name in names - ours if name.split(".")[0] not in sys.stdlib_module_names} == set()


def loaded_by(modules: list[str]) -> set[str]:
    """All modules that importing these ones loads, in an interpreter that has loaded as few as possible."""
    code = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_the_measured_process_loads_no_module_that_is_slow_to_import():
    loaded = loaded_by([name_of(path) for path in MEASURED if path.stem != "sitecustomize"])
    assert loaded & {"typing", "dataclasses", "inspect", "subprocess", "pathlib", "asyncio"} == set()


def test_the_start_of_a_trial_loads_no_module_that_is_slow_to_import():
    assert loaded_by(["clients.harness.serve"]) & {"dataclasses", "inspect", "argparse", "pathlib", "tempfile"} == set()


def test_a_trial_that_is_not_traced_loads_no_tracer():
    loaded = loaded_by(["clients.harness.serve", "clients.harness.measured"])
    assert {name for name in loaded if name.startswith("clients.harness.tracer")} == set()


def test_help_and_usage_errors_need_only_the_standard_library():
    waiting, seen = {"labkit.cli"}, set()
    while waiting:
        seen.add(name := waiting.pop())
        path = ROOT.joinpath(*name.split("."))
        names = imports_of(path / "__init__.py" if path.is_dir() else path.with_suffix(".py"), skip=not_at_once)
        ours = of("labkit", names) | of("server", names)
        waiting |= ours - seen
        seen |= names - ours
    assert {name.split(".")[0] for name in seen} - {"labkit", "server"} <= sys.stdlib_module_names


def test_every_module_has_a_docstring_and_at_most_300_lines():
    texts = {name_of(path): path.read_text("utf-8") for path in [*LABKIT, *HARNESS, *SERVER, *LOADTEST]}
    assert [name for name, text in texts.items() if not ast.get_docstring(ast.parse(text))] == []
    assert {name: lines for name, text in texts.items() if (lines := text.count("\n")) > 300} == {}


# The hosts of indexes and mirrors; in pieces, so that no file contains one for the sake of this test.
OPERATORS = "pypi|pythonhosted|debian|ubuntu|alpinelinux|anaconda|npmjs|mirrors?"
INDEX = re.compile(rf"({OPERATORS})(\.[a-z]+)*\.(org|net|com|io)\b")
URL = re.compile(r"[a-z+]+://(?!127\.0\.0\.1|localhost)")


def tracked() -> list[Path]:
    """The files of the repository."""
    if shutil.which("git") is None:
        pytest.skip("git is not there")
    run = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        pytest.skip(f"git knows no files here: {run.stderr}")
    return [path for name in run.stdout.split("\0") if (path := ROOT / name).is_file()]


def test_no_file_contains_the_address_of_a_package_index_or_a_mirror():
    texts = {path: path.read_bytes().decode("utf-8", "replace") for path in tracked()}
    assert [(path.name, found.group()) for path, text in texts.items() if (found := INDEX.search(text))] == []


def test_files_that_install_contain_no_address():
    folders = {ROOT / "requirements", ROOT / ".ci"}
    installing = [path for path in tracked() if path.parent in folders or path.name == "Dockerfile"]
    assert len(installing) >= 5
    assert [(path.name, found.group()) for path in installing if (found := URL.search(path.read_text("utf-8")))] == []


def test_the_address_of_an_index_or_a_mirror_is_recognized():
    for host in (("py", "pi.org"), ("files.python", "hosted.org"), ("deb.deb", "ian.org"), ("mirror", ".example.net")):
        assert INDEX.search(f"install from https://{''.join(host)}/simple/requests now")
