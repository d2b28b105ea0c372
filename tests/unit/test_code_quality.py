"""ruff and mypy --strict on the whole repository, with the settings of pyproject.toml."""

from __future__ import annotations

import subprocess
import sys

import pytest

from labkit.system.checkout import ROOT


@pytest.mark.parametrize("command", [("ruff", "check", "--no-fix"), ("mypy",)], ids=lambda command: command[0])
def test_finds_nothing(command):
    run = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
