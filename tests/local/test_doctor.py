"""`lab.py doctor` as users run it before anything is installed: with only the standard library."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from clients.harness.recorder import FOLDER_PREFIX, LOG_NAME
from labkit.doctor import probes
from labkit.system import runs
from tests.checkout import Answer, Checkout

pytestmark = pytest.mark.slow  # each examination measures the noise of the machine for two seconds

needs_docker_command = pytest.mark.skipif(shutil.which("docker") is None, reason="the docker command is not installed")
AN_OWN_PROBE = """
'''A probe of a user.'''
from labkit.model.finding import failed
PLACE = 15
def probe(machine):
    yield failed('coffee', 'none in the pot', 'make coffee')
    raise OSError('the cup broke')
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    (tmp_path / "checkout").mkdir()
    return Checkout.copy_to(tmp_path / "checkout")


def doctor(checkout: Checkout, *arguments: str, path: str | None = None, **environment: str) -> Answer:
    """Run it without any package; `path` is PATH."""
    run = subprocess.run(
        [sys.executable, "-S", "-I", "lab.py", "doctor", *arguments],
        cwd=checkout.root,
        env={**os.environ, **environment, **({"PATH": path} if path is not None else {})},
        capture_output=True,
        text=True,
        check=False,
    )
    return Answer(run.returncode, run.stdout, run.stderr)


def by_name(answer: Answer) -> dict[str, dict[str, Any]]:
    found = {each["name"]: each for each in answer.document["findings"]}
    assert len(found) == len(answer.document["findings"])
    return found


def test_doctor_works_without_docker_and_before_the_set_up(checkout, tmp_path):
    answer = doctor(checkout, "--format", "json", path=str(tmp_path))
    found = by_name(answer)
    assert answer.code == 0
    assert answer.document["ready"] is True
    assert answer.err == ""
    assert (found["engine"]["status"], found["engine"]["seen"]) == ("warning", "the docker command is not installed")
    assert found["runtime"]["figures"] == {"runtime": "local"}
    assert found["environment"]["status"] == "warning"
    assert found["environment"]["mend"] == "python lab.py approaches"
    assert found["processors"]["figures"]["usable"] >= 1
    assert list(found)[-1] == "noise"
    assert found["noise"]["figures"]["waiting_s"] > 0
    assert found["noise"]["figures"]["overshoot_median_s"] > 0
    assert not any(name.startswith("probe_") for name in found)
    assert not (checkout.root / ".lab").exists()  # it changes nothing
    assert not (checkout.root / ".venv").exists()


def test_the_table_fits_80_columns(checkout):
    answer = doctor(checkout)
    lines = answer.out.splitlines()
    assert answer.code == 0
    assert "\x1b" not in answer.out
    assert [line for line in lines if len(line) > 80 and "→" not in line] == []
    assert "mean nothing on this machine" in " ".join(answer.out.split())
    assert lines[-1].startswith("The lab can run here")
    assert {line.split()[0] for line in lines if line[:1].strip()} - {"ok", "warning", "The"} == set()


@needs_docker_command
def test_a_configured_engine_that_does_not_answer_is_reported(checkout, tmp_path):
    answer = doctor(checkout, "--format", "json", DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    found = by_name(answer)
    assert answer.code == 0
    assert found["engine"]["status"] == "warning"
    assert "none.sock" in found["engine"]["seen"]
    assert found["engine"]["mend"] == "unset DOCKER_HOST"
    assert found["runtime"]["figures"] == {"runtime": "local"}
    assert "the engine could not be queried" in found["leftovers"]["seen"]
    assert "image" not in found


def test_obstacles_are_reported_with_their_remedies(checkout, tmp_path):
    (checkout.root / ".lab" / "runs").mkdir(parents=True)
    (checkout.root / ".lab" / "runs" / "20260101-000000-dead").touch()
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    harness = tmp_path / f"{FOLDER_PREFIX}{ended.pid}-abc"
    harness.mkdir()
    (harness / LOG_NAME).touch()
    with socket.socket() as taken:
        with suppress(OSError):  # another program has it already, which is as good
            taken.bind(("127.0.0.1", 8089))
            taken.listen()
        answer = doctor(checkout, "--format", "json", TMPDIR=str(tmp_path), path=str(tmp_path))
    found = by_name(answer)
    assert answer.code == 0
    assert found["leftovers"]["figures"] == {"runs": 1, "harnesses": 1, "projects": None, "images": None}
    assert found["leftovers"]["mend"] == "python lab.py clean"
    assert found["port_8089"]["status"] == "warning"
    assert "--port" in found["port_8089"]["mend"]
    assert (checkout.root / ".lab" / "runs" / "20260101-000000-dead").exists()  # the doctor removes nothing


def test_a_missing_requirement_sets_the_exit_code(checkout, tmp_path):
    (checkout.root / ".venv").mkdir()  # not made by the lab
    (checkout.root / "labkit" / "doctor" / "probes" / "coffee.py").write_text(AN_OWN_PROBE)
    (checkout.root / "labkit" / "doctor" / "probes" / "unfinished.py").write_text("'''Not yet.'''\nPLACE = \n")
    answer = doctor(checkout, "--format", "json", path=str(tmp_path))
    found = by_name(answer)
    assert answer.code == 3
    assert answer.document["ready"] is False
    assert found["environment"]["status"] == "failed"
    assert found["environment"]["mend"] == "mv .venv .venv-other"
    assert found["coffee"] == {
        "name": "coffee", "status": "failed", "seen": "none in the pot", "mend": "make coffee", "figures": {},
    }  # fmt: skip
    assert "the cup broke" in found["probe_coffee"]["seen"]
    assert "SyntaxError" in found["probe_unfinished"]["seen"]
    assert (checkout.root / ".venv").is_dir()
    assert list((checkout.root / ".venv").iterdir()) == []


@pytest.mark.docker
def test_the_engines_own_figures_are_reported(checkout):
    def docker(*arguments: str) -> str:
        return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout.strip()

    project = f"{runs.project_prefix(checkout.root)}20260101-000000-dead"
    network = docker("network", "create", "--label", f"com.docker.compose.project={project}", project)
    try:
        found = by_name(doctor(checkout, "--format", "json"))
    finally:
        docker("network", "rm", network)
    assert found["engine"]["figures"]["version"] == docker("version", "--format", "{{.Server.Version}}")
    assert found["compose"]["figures"]["version"] == docker("compose", "version", "--short")
    assert found["runtime"]["figures"] == {"runtime": "docker"}
    assert found["processors"]["figures"]["engine"] == int(docker("info", "--format", "{{.NCPU}}"))
    assert found["image"]["figures"]["tag"].startswith("concurrency-lab:")
    assert found["leftovers"]["figures"]["projects"] == 1
    assert found["clock_engine"]["figures"]["ahead_s"] is not None


def test_every_probe_finds_something_here(checkout):
    answer = doctor(checkout, "--format", "json")
    assert len(answer.document["findings"]) >= len(probes.names())
    assert [each for each in answer.document["findings"] if each["name"].startswith("probe_")] == []
    assert json.dumps(answer.document)
