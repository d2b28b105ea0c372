"""`lab.py test`: its phases and its summary; and the hooks and fixtures of all tests, which leave nothing behind."""

from __future__ import annotations

import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest

from labkit.commands import test as command
from labkit.system.checkout import ROOT
from tests.server_driver import runs

pytestmark = pytest.mark.slow

CONFTEST = """
import pytest
def pytest_addoption(parser):
    parser.addoption("--quick", action="store_true")
def pytest_runtest_setup(item):
    if item.config.getoption("--quick") and "slow" in item.name:
        pytest.skip("slow")
"""
TESTS = """
import pytest
def test_passes(): pass
def test_is_slow(): pass
@pytest.mark.skip(reason="no engine")
def test_needs_an_engine(): pass
"""
LEAVES_A_PROCESS = """
import subprocess
def test_leaves_a_process(tmp_path):
    subprocess.run(["sh", "-c", "sleep 600 & echo $! > {pid_file}"])
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with three tests that run side by side, and one that runs alone."""
    (tmp_path / "tests" / "alone").mkdir(parents=True)
    (tmp_path / "tests" / "conftest.py").write_text(CONFTEST, "utf-8")
    (tmp_path / "tests" / "test_some.py").write_text(TESTS, "utf-8")
    (tmp_path / "tests" / "alone" / "test_one.py").write_text("def test_measures(): pass\n", "utf-8")
    monkeypatch.setattr(command, "ROOT", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("everything", "lines"),
    [
        (True, ["     1  no engine", "3 passed, 0 failed, 1 skipped"]),
        (False, ["     1  slow", "     1  no engine", "2 passed, 0 failed, 2 skipped"]),
    ],
)
@pytest.mark.usefixtures("checkout")
def test_both_phases_have_one_summary(capfd, everything, lines):
    assert command.run(Namespace(all=everything, rest=[])) == 0
    printed = capfd.readouterr().out.splitlines()
    assert {*lines, "skipped:"} <= set(printed)
    assert printed[-1] == lines[-1]


def test_a_failure_in_one_phase_is_the_exit_code(checkout, capfd):
    (checkout / "tests" / "test_some.py").write_text("def test_fails(): assert False\n", "utf-8")
    assert command.run(Namespace(all=True, rest=[])) == 1
    assert capfd.readouterr().out.splitlines()[-1] == "1 passed, 1 failed, 0 skipped"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["tests/test_some.py", "-k", "slow"], 0), (["-k", "nonesuch"], 1), (["tests/nonesuch.py"], 2)],
)
@pytest.mark.usefixtures("checkout")
def test_the_arguments_of_pytest_select_exactly_the_named_tests(capfd, arguments, code):
    assert command.run(Namespace(all=False, rest=arguments)) == code
    assert "skipped" not in capfd.readouterr().out


def pytest_run(*arguments: str | Path, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    command = [*prefix, sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)


def test_a_process_that_a_test_leaves_is_reported_and_ended(tmp_path):
    pid_file, tests = tmp_path / "pid", tmp_path / "test_some.py"
    tests.write_text(LEAVES_A_PROCESS.format(pid_file=pid_file), "utf-8")
    run = pytest_run("-p", "tests.conftest", tests)
    assert run.returncode == 1
    assert "1 passed, 1 error" in run.stdout
    assert f"process {pid_file.read_text().strip()}: sleep 600" in run.stdout
    assert not runs(int(pid_file.read_text()))


def test_interrupt_tests_pass_in_a_background_job():
    in_background = ("sh", "-c", "trap '' INT; exec \"$@\"", "sh")  # shells ignore SIGINT in background jobs
    run = pytest_run("tests/unit/test_interrupts.py", prefix=in_background)
    assert run.returncode == 0, run.stdout
