"""`lab.py compare --python`, end to end: approaches on another interpreter or base image than the lab's own."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit.runtime import tags
from tests.acts import failing
from tests.checkout import Checkout, docker

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

QUICK = "--delay 0.2 --requests 4 --limit 2 --no-baseline --format json"


@pytest.fixture
def python(runtime: str) -> Iterator[str]:
    """A value of --python: the path of this interpreter, or another name of the base image."""
    if runtime == "local":
        yield sys.executable
        return
    name = f"labtest-{uuid.uuid4().hex[:12]}:1"
    docker("tag", os.environ.get("LAB_BASE_IMAGE", "python:3.14-slim"), name)
    yield name
    docker("rmi", name)


def test_another_python(checkout: Checkout, runtime: str, python: str) -> None:
    run = checkout.lab(f"compare sync process_pool --python {python} --runtime {runtime} {QUICK}")
    assert run.code in {0, 1}, run.err  # 1: another program kept the processors busy
    trials = run.document["trials"]
    assert [trial["approach"] for trial in sorted(trials, key=lambda trial: trial["approach"])] == [
        "process_pool",
        "sync",
    ]
    for trial in trials:
        assert (trial["outcome"], failing(trial)) == ("ok", set()), (trial["error"], trial["checks"])
    if runtime == "local":
        (made,) = [path for path in (checkout.root / ".lab" / "pythons").iterdir() if path.is_dir()]
        assert made.name.startswith(f"{sys.version.split()[0]}{sys.abiflags}-")
        run = checkout.lab(f"compare sync --python {python} --runtime local {QUICK}")
        assert "making an environment" not in run.err
    else:
        images = run.document["environment"]["images"]
        assert images.keys() == {"server", f"sync on {python}", f"process_pool on {python}"}
        image = f"{tags.IMAGE}:{tags.source_hash(checkout.root)}{tags.suffix(python)}"
        assert docker("image", "inspect", "--format", "{{.Id}}", image) == [images[f"sync on {python}"]]


def test_a_file_that_is_no_suitable_interpreter_is_refused(checkout: Checkout, tmp_path: Path) -> None:
    old = tmp_path / "python"
    seen = '{"version": "3.9.2", "parts": [3, 9], "implementation": "CPython", "flags": "", "base": "/b"}'
    old.write_text(f"#!/bin/sh\necho '{seen}'\n")
    old.chmod(0o755)
    for name, words in {
        str(tmp_path / "nothing"): "no such file",
        __file__: "it does not run",
        "/bin/sh": "not a working Python",
        str(old): "it is Python 3.9.2, and the lab needs 3.11 or later",
    }.items():
        run = checkout.lab(f"compare sync --python {name} --runtime local {QUICK}")
        assert (run.code, run.out) == (2, ""), run.err
        assert f"--python {name}: {words}" in " ".join(run.err.split())


@pytest.mark.docker
def test_a_name_that_is_no_base_image_is_refused(checkout: Checkout, tmp_path: Path) -> None:
    run = checkout.lab(f"compare sync --python {sys.executable} --runtime docker {QUICK}")
    assert run.code == 2
    assert f"--python {sys.executable}: with Docker, --python takes the name of a base image" in run.err
    run = checkout.lab(f"compare sync --python 127.0.0.1:9/nothing:1 --runtime docker {QUICK}")
    assert run.code == 3
    assert "the base image 127.0.0.1:9/nothing:1 is unavailable" in run.err
    name = f"labtest-{uuid.uuid4().hex[:12]}:1"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sh").write_text("nothing runs here")
    tar = subprocess.run(["tar", "-c", "-C", str(tmp_path), "."], capture_output=True, check=True).stdout
    subprocess.run(["docker", "import", "-", name], input=tar, capture_output=True, check=True)
    try:
        run = checkout.lab(f"compare sync --python {name} --runtime docker {QUICK}")
    finally:
        docker("rmi", name)
    assert run.code == 3
    assert f"no image can be built on {name}" in run.err
