"""`lab.py pack` and `unpack` end to end: a second, empty engine without a network."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from labkit.bundle import image
from labkit.runtime import tags
from tests.acts import failing
from tests.checkout import ROOT, Checkout, answer, docker

pytestmark = [pytest.mark.slow, pytest.mark.docker, pytest.mark.timeout(600)]

PATIENCE_S = 200  # packing and unpacking take a minute on an idle machine
OWN = "import requests\n\n\ndef main(urls):\n    return [requests.get(url).content for url in urls]\n"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    copy = Checkout.copy_to(tmp_path_factory.mktemp("checkout"))
    shutil.copy(ROOT / "pyproject.toml", copy.root)
    yield copy
    copy.remove_images()


@pytest.fixture(scope="module")
def bundle(checkout: Checkout) -> Path:
    """A bundle for only this machine, in a folder of its own."""
    folder = checkout.root.parent / "packed"
    folder.mkdir(exist_ok=True)
    with checkout.start(f"pack {folder}/lab.pyz --for here") as process:
        out, err = process.communicate(timeout=500)
    assert process.returncode == 0, err
    assert out.splitlines()[-1].startswith("Copy it to each machine and run `python lab.pyz` there")
    assert [each.name for each in folder.iterdir()] == ["lab.pyz"]
    return folder / "lab.pyz"


class Island:
    """An engine of its own with an empty image store, in a network namespace without a network."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "dockerd.log"
        paths = [f"--data-root={folder}/data", f"--exec-root={folder}/exec", f"--pidfile={folder}/pid"]
        host = f"unix://{folder}/engine.sock"
        with self.log.open("wb") as log:
            self._engine = subprocess.Popen(["unshare", "-n", "dockerd", *paths, "-H", host], stdout=log, stderr=log)
        settings = ("LAB_", "DOCKER_", "PIP_")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(settings)}
        # pip must use the packages in the bundle, and no other source of this machine.
        self.environment |= {"DOCKER_HOST": host, "PIP_CONFIG_FILE": os.devnull}

    def start(self, *command: str | Path, cwd: Path, **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["unshare", "-n", *command],
            cwd=cwd,
            env=self.environment | more,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )

    def docker(self, *arguments: str) -> list[str]:
        run = subprocess.run(
            ["docker", *arguments], env=self.environment, capture_output=True, text=True, check=True, timeout=PATIENCE_S
        )
        return run.stdout.split()

    def images(self) -> set[str]:
        return set(self.docker("image", "ls", "--all", "--quiet", "--no-trunc"))

    def empty(self) -> None:
        """Remove all images of an earlier test."""
        if there := self.images():
            self.docker("rmi", "--force", *there)
        assert self.images() == set()

    def wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            assert self._engine.poll() is None, self.log.read_text("utf-8", "replace")
            try:
                self.docker("version")
            except subprocess.SubprocessError:
                assert time.monotonic() < deadline, self.log.read_text("utf-8", "replace")
                time.sleep(0.2)
            else:
                return

    def end(self) -> None:
        self._engine.terminate()
        try:
            self._engine.wait(PATIENCE_S)
        finally:
            self._engine.kill()
            self._engine.wait()


@pytest.fixture(scope="module")
def island(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Island]:
    lacks = [name for name in ("unshare", "dockerd") if shutil.which(name) is None]
    lacks += [] if os.geteuid() == 0 else ["the rights to start an engine"]
    if lacks and os.environ.get("LAB_REQUIRE_DOCKER") != "1":
        pytest.skip(f"a second engine needs {' and '.join(lacks)}")
    assert lacks == []
    made = Island(tmp_path_factory.mktemp("island"))
    try:
        made.wait_until_it_answers()
        yield made
    finally:
        made.end()
        shutil.rmtree(made.folder, ignore_errors=True)


def assert_measured(document: dict[str, Any], approaches: set[str]) -> None:
    assert {trial["approach"] for trial in document["trials"]} == approaches
    for trial in document["trials"]:
        assert (trial["outcome"], trial["ok"], failing(trial)) == ("ok", 2, set()), trial["checks"]


def wait(until: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_an_interrupted_unpack_leaves_nothing(island: Island, bundle: Path, tmp_path: Path) -> None:
    island.empty()
    commands, target, began = tmp_path / "commands", tmp_path / "target", tmp_path / "began"
    commands.mkdir()
    target.mkdir()
    (commands / "docker").write_text(
        f'#!/bin/sh\ncase "$1" in load) touch {began};; esac\nexec {shutil.which("docker")} "$@"\n', encoding="utf-8"
    )
    (commands / "docker").chmod(0o755)
    path = f"{commands}{os.pathsep}{os.environ['PATH']}"
    with island.start(sys.executable, bundle, cwd=target, PATH=path) as process:
        wait(began.exists)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        run = answer(process)
    assert run.code == 130, run.err
    assert "Traceback" not in run.err
    assert list(target.iterdir()) == []
    assert island.images() == set()


def test_the_lab_runs_from_a_bundle_on_an_empty_engine_without_a_network(
    island: Island, bundle: Path, tmp_path: Path
) -> None:
    island.empty()
    with island.start(sys.executable, bundle, cwd=tmp_path) as process:
        unpacked = answer(process)
    assert (unpacked.code, unpacked.err) == (0, "")
    assert unpacked.out.splitlines()[-1].startswith("Next, without a network: `cd concurrency-lab && ")
    assert [each.name for each in tmp_path.iterdir()] == ["concurrency-lab"]

    copied = tmp_path / "concurrency-lab"
    command = "lab.py compare sync threads --runtime docker --requests 2 --delay 0.1 --no-baseline --format json"
    with island.start(sys.executable, *command.split(), cwd=copied) as process:
        compared = answer(process)
    document: dict[str, Any] = json.loads(compared.out)
    assert_measured(document, {"sync", "threads"})
    assert "making .venv" in compared.err
    assert "building" not in compared.err
    assert set(document["environment"]["images"].values()) < island.images()

    (copied / "clients" / "mine.py").write_text(OWN, "utf-8")
    command = "lab.py compare mine --runtime docker --requests 2 --delay 0.1 --no-baseline --format json"
    with island.start(sys.executable, *command.split(), cwd=copied) as process:
        own = answer(process)
    assert_measured(json.loads(own.out), {"mine"})
    assert "building the image: the lab's own code" in own.err
    with island.start(sys.executable, "lab.py", "clean", cwd=copied) as process:
        cleaned = answer(process)
    assert "images of earlier states of this checkout removed: 1" in cleaned.out
    (copied / "clients" / "mine.py").unlink()

    with island.start(sys.executable, "lab.py", "unpack", bundle, cwd=copied) as process:
        again = answer(process)  # into this very checkout, which lacks the image now
    assert (again.code, again.err) == (0, "")


def test_an_interrupted_pack_leaves_the_older_bundle(checkout: Checkout, bundle: Path) -> None:
    older = (bundle.stat().st_mtime_ns, bundle.stat().st_size)
    new = bundle.with_name("lab.pyz.new")
    with checkout.start(f"pack {bundle} --for here") as process:
        wait(new.exists)
        process.send_signal(signal.SIGINT)
        run = answer(process)
    assert run.code == 130, run.err
    assert [each.name for each in bundle.parent.iterdir()] == ["lab.pyz"]
    assert (bundle.stat().st_mtime_ns, bundle.stat().st_size) == older
    assert not (checkout.root / ".lab" / "pack").exists()


def test_the_bundle_stays_below_its_size_limit(bundle: Path) -> None:
    """With the wheels of six more targets (100 MB, measured) it stays below 200 MB."""
    assert bundle.stat().st_size < 100_000_000


def test_an_image_built_twice_holds_the_same_files(checkout: Checkout, bundle: Path, tmp_path: Path) -> None:
    assert bundle.exists()  # so that there is a first one
    tag, other = tags.source_hash(checkout.root), "reproduced"
    command = ["docker", "compose", "-p", tags.IMAGE, "build", "--no-cache", "server"]
    environment = {**os.environ, "LAB_IMAGE_TAG": other, "LAB_SOURCE_HASH": tag}
    subprocess.run(command, cwd=checkout.root, env=environment, capture_output=True, check=True)
    try:
        one = contents(f"{tags.IMAGE}:{tag}", tmp_path / "one.tar")
        two = contents(f"{tags.IMAGE}:{other}", tmp_path / "two.tar")
    finally:
        docker("rmi", f"{tags.IMAGE}:{other}")
    assert len(one["files"]) > 1000
    assert {
        name: (one["files"].get(name), two["files"].get(name))
        for name, _ in one["files"].items() ^ two["files"].items()
    } == {}
    assert one == two


def contents(name: str, tar: Path) -> dict[str, Any]:
    """The content of an image without times: its settings, and the files of each layer."""
    image.save([name], tar)
    found: dict[str, Any] = {}
    with image.read_saved(tar) as images:
        (saved,) = images.values()
        config = json.loads(saved.config)
        for number, digest in enumerate(saved.layers):
            with saved.layer(digest) as layer, tarfile.open(fileobj=layer, mode="r|") as members:
                for member in members:
                    file = members.extractfile(member) if member.isreg() else None
                    content = hashlib.file_digest(file, "sha256").hexdigest() if file else member.linkname
                    found[f"{number}/{member.name}"] = (member.type, member.mode, member.uid, member.gid, content)
    tar.unlink()
    return {"settings": config["config"], "architecture": config["architecture"], "files": found}
