"""Other interpreters: finding them, and installing packages for them, without those that have no wheel."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from clients.harness.protocol import Unavailable
from labkit.model.errors import MachineError, UsageError
from labkit.runtime import building, tags
from labkit.runtime.cleanup import remove_old_environments
from labkit.runtime.client import explain_missing_wheel
from labkit.setup import pythons, wheels
from labkit.setup.pythons import Installed, PythonVenv, find
from labkit.system.checkout import ROOT
from tests.bundles import make_checkout

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the local runtime does not run there")

PINS = """\
# a comment
first==1.0 \\
    --hash=sha256:00 \\
    --hash=sha256:01
second==2.0 ; sys_platform != 'none' \\
    --hash=sha256:02
third==3.0 --hash=sha256:03
"""
UNFIT = (
    "  Skipping link: none of the wheel's tags (cp27-cp27mu-win32) are compatible (run pip debug --verbose to show "
    "compatible tags): file:///wheels/Some_Thing-1.0-cp27-cp27mu-win32.whl#sha256=00 (from /simple/)\n"
)
TOO_NEW = "  Skipping link: 1.0 Requires-Python >=4: https://127.0.0.1/some.thing-1.0-py3-none-any.whl\n"

PREPARE = """\
import sys
from pathlib import Path
from labkit.setup.pythons import PythonVenv, find
PythonVenv(find(sys.executable), Path(sys.argv[1]), Path(sys.argv[2])).prepare(lambda line: print(line, flush=True))
"""


def script(path: Path, text: str, mode: int = 0o755) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(mode)
    return path


def answers(**changes: object) -> str:
    answer = {"version": "3.13.1", "parts": [3, 13], "implementation": "CPython", "flags": "", "base": "/b"}
    return f"echo '{json.dumps(answer | changes)}'"


def test_an_interpreter_is_found_by_its_path():
    found = find(sys.executable)
    assert found.version == f"{sys.version.split()[0].rstrip('+')}{sys.abiflags}"
    assert found.kind.endswith(f"{sys.version_info[0]}{sys.version_info[1]}{sys.abiflags}")
    assert Path(found.base).samefile(getattr(sys, "_base_executable", sys.executable))


def test_an_interpreter_is_found_by_its_name(tmp_path, monkeypatch):
    script(tmp_path / "python9t", answers(version="3.99.0", parts=[3, 99], flags="t"))
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert find("python9t") == pythons.Interpreter("3.99.0t", "cp399t", "/b")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda _: "no-such-python", "no such command on PATH"),
        (lambda folder: f"{folder}/nothing", "no such file"),
        (str, "no such file"),
        (lambda folder: str(script(folder / "p", "true", mode=0o644)), "does not run: Permission denied"),
        (
            lambda folder: str(script(folder / "p", "echo hello; exit 4")),
            "not a working Python: .*printed 'hello' .*code 4",
        ),
        (lambda folder: str(script(folder / "p", "echo oh dear >&2; exit 127")), "printed 'oh dear' .*code 127"),
        (lambda folder: str(script(folder / "p", "true")), "printed 'nothing' .*code 0"),
        (lambda folder: str(script(folder / "p", "echo '[1]'")), "not a working Python"),
        (lambda folder: str(script(folder / "p", "exec sleep 60")), "does not run: no answer within 0.5 s"),
        (lambda folder: str(script(folder / "p", answers(version="2.7.18", parts=[2, 7]))), "is Python 2.7.18.* 3.11"),
        (lambda folder: str(script(folder / "p", answers(version="3.10.9", parts=[3, 10]))), "Python 3.10.9.* 3.11"),
    ],
)
def test_an_unsuitable_interpreter_is_rejected_with_a_reason(tmp_path, monkeypatch, make, message):
    monkeypatch.setattr(pythons, "TIMEOUT_S", 0.5 if "0.5" in message else 20.0)
    name = make(tmp_path)
    with pytest.raises(UsageError, match=message) as caught:
        find(name)
    assert caught.value.message.startswith(f"--python {name}: ")
    assert "python3.13" in caught.value.hint


@pytest.mark.parametrize("name", ["python:3.13-slim", "python", "registry.test:5000/a/python@sha256:00ff"])
def test_an_image_on_another_base_has_another_tag(name):
    assert tags.suffix(name) not in {"", tags.suffix("another:1")}


@pytest.mark.parametrize("tag", [tags.source_hash(), tags.environment_tag()])
def test_current_images_are_recognised_on_any_base(tag):
    assert tags.is_current(tag)
    assert tags.is_current(tag + tags.suffix("python:3.13-slim"))
    other = f"{tag[:-12]}0123456789ab"
    assert not tags.is_current(other)
    assert not tags.is_current(other + tags.suffix("python:3.13-slim"))


@pytest.mark.parametrize(("name", "both"), [("clients/sync.py", False), ("requirements/image.txt", True)])
def test_the_packages_are_built_again_only_if_they_changed(tmp_path, name, both):
    root = make_checkout(tmp_path)
    before = tags.source_hash(root), tags.environment_tag(root)
    (root / name).write_text("other", "utf-8")
    after = tags.source_hash(root), tags.environment_tag(root)
    assert after[0] != before[0]
    assert (after[1] != before[1]) is both


@pytest.mark.parametrize("name", ["/usr/bin/python3", "./python", "~/python", "-x", "a b", ""])
def test_an_invalid_image_name_is_rejected(name):
    with pytest.raises(UsageError, match="name of a base image") as caught:
        tags.suffix(name)
    assert "--runtime local" in caught.value.hint


@pytest.mark.parametrize(
    ("output", "error", "message"),
    [
        ("x: failed to resolve source metadata for x:1: not found", MachineError, "base image x:1 is unavailable"),
        ("/bin/sh: 1: python: not found", UsageError, "x:1: this image has no `python`"),
        ("ERROR: this is Python 3.9.2; the lab needs 3.11 or later", UsageError, "x:1: this is Python 3.9.2; .* 3.11"),
        ("who knows", MachineError, "can be built on x:1: who knows"),
    ],
)
def test_a_failed_build_on_another_base_is_explained(output, error, message):
    explained = building.explain(output, "x:1")
    assert type(explained) is error
    with pytest.raises(error, match=message):
        raise explained


def test_packages_are_removed_from_a_lock_file_with_their_hashes():
    assert wheels.without(PINS, "another") == PINS
    left = wheels.without(wheels.without(PINS, "first"), "third")
    assert "second==2.0" in left
    assert "sha256:02" in left
    assert not any(word in left for word in ("first", "third", ":00", ":01", ":03"))


@pytest.mark.parametrize(
    ("output", "name", "version", "expected"),
    [
        (UNFIT, "some-thing", "1.0", True),
        (TOO_NEW, "some-thing", "1.0", True),
        (UNFIT, "some-thing", "1.1", False),
        (UNFIT, "thing", "1.0", False),
        ("ERROR: No matching distribution found for some-thing==1.0\n", "some-thing", "1.0", False),
    ],
)
def test_a_wheel_for_other_interpreters_is_recognised_in_pips_output(output, name, version, expected):
    assert wheels.unfit(output, wheels.Missing(name, version)) is expected


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (
            "needs the package gevent, which is not installed for this Python",
            "gevent, which has no wheel for CPython 3",
        ),
        ("needs the package zmq, which is not installed for this Python", "pyzmq, which has no wheel for CPython 3"),
        ("needs the package trio, which is not installed for this Python", "trio, which is not installed"),
        ("needs Python 3.14", "needs Python 3.14"),
    ],
)
def test_a_package_without_a_wheel_is_named_as_the_reason(message, reason):
    installed = Installed("3.13.5t", "CPython 3.13t", {"requests": "2"}, {"gevent": "26", "pyzmq": "27"})
    explained = explain_missing_wheel(Unavailable("mine", "needs", message), installed)
    assert (explained.approach, explained.kind) == ("mine", "needs")
    assert reason in explained.reason


class Stage:
    """An index of small wheels, a lock of some of them, and a folder for environments; pip is the real one."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wheels = folder / "wheels"
        self.wheels.mkdir()
        self.lock = folder / "image.txt"
        self.lock.write_text("")
        self.folder = folder / "pythons"
        for name, value in {"NO_INDEX": "1", "FIND_LINKS": str(self.wheels), "CONFIG_FILE": os.devnull}.items():
            monkeypatch.setenv(f"PIP_{name}", value)
        self.notes: list[str] = []

    def add(self, name: str, tag: str = "py3-none-any", needs: str = "") -> None:
        """A wheel with one module, in the index and in the lock."""
        wheel, info = self.wheels / f"{name}-1.0-{tag}.whl", f"{name}-1.0.dist-info"
        with zipfile.ZipFile(wheel, "w") as file:
            file.writestr(f"{name}.py", "")
            required = f"Requires-Dist: {needs}\n" if needs else ""
            file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{required}")
            file.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
            file.writestr(f"{info}/RECORD", "")
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        with self.lock.open("a") as lock:
            lock.write(f"{name}==1.0 \\\n    --hash=sha256:{digest}\n")

    @property
    def environment(self) -> PythonVenv:
        return PythonVenv(find(sys.executable), self.lock, self.folder)

    def prepare(self) -> PythonVenv:
        environment = self.environment
        environment.prepare(self.notes.append)
        return environment

    def start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", PREPARE, str(self.lock), str(self.folder)]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)

    def left(self) -> set[str]:
        """The names in the folder, without the lock and the log."""
        return {path.name for path in self.folder.glob("*")} - {"lock", "log"}


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(tmp_path, monkeypatch)


@pytest.mark.slow
def test_packages_without_a_wheel_are_left_out_and_the_others_installed(stage):
    stage.add("first", needs="second")
    stage.add("second", tag="cp27-cp27mu-win32")
    stage.add("third")
    stage.add("fourth", tag="cp27-cp27mu-win32")
    environment = stage.prepare()
    flags = sys.abiflags
    short = f"{sys.implementation.name.replace('cpython', 'CPython')} 3.{sys.version_info[1]}{flags}"
    assert environment.installed == Installed(
        f"{sys.version.split()[0].rstrip('+')}{flags}",
        short,
        {"first": "1.0", "third": "1.0"},
        {"fourth": "1.0", "second": "1.0"},
    )
    there = "import importlib.util as i; print([bool(i.find_spec(n)) for n in ('first', 'second', 'third', 'fourth')])"
    run = subprocess.run([environment.python, "-I", "-c", there], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[True, False, True, False]"
    assert stage.notes[0].startswith("making an environment for Python 3.")
    assert [note for note in stage.notes if "left out" in note] == [
        f"left out: fourth 1.0 has no wheel for {short}",
        f"left out: second 1.0 has no wheel for {short}",
    ]
    assert stage.left() == {environment.path.name}
    stage.notes.clear()
    assert stage.prepare().path == environment.path
    assert stage.notes == [], "it exists already"


@pytest.mark.slow
def test_a_package_missing_from_the_index_is_an_error(stage):
    stage.add("first")
    stage.add("second", tag="cp27-cp27mu-win32")
    for wheel in stage.wheels.glob("first*"):
        wheel.unlink()
    with pytest.raises(MachineError, match=r"the package index has no wheel .*first==1\.0"):
        stage.prepare()
    assert stage.left() == set()
    assert "first" in (stage.folder / "log").read_text()


@pytest.mark.slow
def test_without_leave_out_one_missing_wheel_is_an_error(stage, tmp_path):
    stage.add("second", tag="cp27-cp27mu-win32")
    record = tmp_path / "record"
    command = [sys.executable, wheels.__file__, str(stage.lock), str(record), sys.executable, "-m", "pip"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode != 0
    assert "No matching distribution found for second==1.0" in run.stdout
    assert not record.exists()


@pytest.mark.slow
def test_an_environment_for_an_earlier_lock_file_is_removed_unless_it_runs(stage):
    before = stage.environment.path
    (before / "bin").mkdir(parents=True)
    assert remove_old_environments(stage.folder, stage.lock) == 0
    stage.add("first")
    now = stage.environment.path
    now.mkdir()
    (before / "bin" / "python").symlink_to("/bin/sleep")
    with subprocess.Popen([before / "bin" / "python", "60"]) as busy:
        assert remove_old_environments(stage.folder, stage.lock) == 0
        busy.kill()
    assert remove_old_environments(stage.folder, stage.lock) == 1
    assert stage.left() == {now.name}
    assert now != before


@pytest.mark.slow
def test_two_set_ups_take_turns_and_an_interrupt_leaves_nothing(stage):
    stage.add("first")
    with stage.start() as interrupted:
        assert interrupted.stdout.readline().startswith("making an environment")
        time.sleep(0.5)
        interrupted.send_signal(signal.SIGINT)
        interrupted.communicate(timeout=60)
    assert interrupted.returncode != 0
    assert stage.left() == set()
    with stage.start() as one, stage.start() as other:
        outputs = [process.communicate(timeout=60)[0] for process in (one, other)]
    assert (one.returncode, other.returncode) == (0, 0)
    assert sum("making an environment" in text for text in outputs) == 1
    assert stage.left() == {stage.environment.path.name}
