"""A copy of the checkout for tests, and lab.py run in it as users run it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from labkit.runtime import tags
from labkit.system import runs
from labkit.system.checkout import ROOT
from tests import leftovers

PARTS = (
    "lab.py",
    "labkit",
    "clients",
    "loadtest",
    "server",
    "requirements",
    "compose.yaml",
    "Dockerfile",
    ".dockerignore",
)
# The packages are those that run the tests, so the set-up is skipped.
START = """
import sys
sys.path.insert(0, ".")
from labkit.setup import bootstrap
bootstrap.ensure = lambda *_: None
from labkit.cli import main
sys.exit(main(sys.argv[1:]))
"""
PATIENCE_S = 100


@dataclass(frozen=True, slots=True)
class Answer:
    """The exit code and the output of lab.py."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Checkout:
    """A checkout of the lab in a folder of its own."""

    root: Path

    @classmethod
    def copy_to(cls, root: Path) -> Checkout:
        leftovers.note_project(runs.project_prefix(root))
        for part in PARTS:
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / part, root / part)
        return cls(root)

    def add_approach(self, name: str, source: str) -> None:
        (self.root / "clients" / f"{name}.py").write_text(source, encoding="utf-8")

    def remove_images(self) -> None:
        """Remove the images built here, except that with only Python and packages: the lab itself uses it."""
        built = self.root / ".lab" / "built"
        for tag in set(built.read_text("utf-8").split()) if built.exists() else ():
            if tag != tags.environment_tag():
                docker("rmi", "--force", f"{tags.IMAGE}:{tag}")

    def start(self, command: str, **environment: str) -> subprocess.Popen[str]:
        """Start lab.py in a process group of its own, as at a terminal."""
        return subprocess.Popen(
            [sys.executable, "-c", START, *command.split()],
            cwd=self.root,
            env={name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )

    def lab(self, command: str, *, patience_s: float = PATIENCE_S, **environment: str) -> Answer:
        """Run lab.py and wait for its end."""
        with self.start(command, **environment) as process:
            return answer(process, patience_s)

    def processes(self) -> list[psutil.Process]:
        """The processes whose current folder is in this checkout, except pytest itself."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.pid != os.getpid() and Path(process.cwd()).is_relative_to(self.root):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def results(self) -> list[Path]:
        return sorted((self.root / "results").glob("*")) if (self.root / "results").exists() else []


def answer(process: subprocess.Popen[str], patience_s: float = PATIENCE_S) -> Answer:
    """Wait for a started lab.py; kill its process group if the wait fails."""
    try:
        out, err = process.communicate(timeout=patience_s)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return Answer(process.returncode, out, err)


def docker(*arguments: str) -> list[str]:
    """The words that a docker command prints."""
    run = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True)
    return run.stdout.split()
