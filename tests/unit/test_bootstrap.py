"""The set-up: with a stand-in for Python that makes and installs nothing, and once with the real one."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from labkit.model.errors import MachineError
from labkit.setup import packed
from labkit.setup.bootstrap import LabVenv
from labkit.setup.failures import explain
from labkit.system.checkout import ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for Python is a shell script")

# The set-up calls `python -I -m venv --without-pip DIR`, `… -m ensurepip …` and `… -m pip …`. A test puts the work of
# pip into $FAKE_PIP.
STAND_IN = """\
#!/bin/sh
echo "$3 $*" >> "$(dirname "$FAKE_BASE")/calls"
case "$3" in
    venv) mkdir -p "$5/bin" && cp "$FAKE_BASE" "$5/bin/python" && : > "$5/pyvenv.cfg" ;;
    pip) eval "$FAKE_PIP" ;;
esac
"""

PREPARE = """\
import sys
from pathlib import Path
from labkit.setup.bootstrap import LabVenv
LabVenv(Path(sys.argv[1]), "lab", sys.argv[2]).prepare()
"""


class Stage:
    """A checkout with locks, and the stand-in beside it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.checkout = folder / "checkout"
        self.venv = self.checkout / ".venv"
        (self.checkout / "requirements").mkdir(parents=True)
        self.lock("lab").write_text("one\n")
        self.lock("test").write_text("one\ntwo\n")
        self.base = folder / "python"
        self.base.write_text(STAND_IN)
        self.base.chmod(0o755)
        self.setenv = monkeypatch.setenv
        self.setenv("FAKE_BASE", str(self.base))
        self.pip("true")

    def lock(self, name: str) -> Path:
        return self.checkout / "requirements" / f"{name}.txt"

    def pip(self, shell: str) -> None:
        """Set the shell script that pip runs from now on."""
        self.setenv("FAKE_PIP", shell)

    def lab(self, requirements: str = "lab") -> LabVenv:
        return LabVenv(self.checkout, requirements, str(self.base))

    def start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", PREPARE, str(self.checkout), str(self.base)]
        return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)

    def calls(self, module: str) -> list[str]:
        lines = (self.folder / "calls").read_text().splitlines()
        return [line for line in lines if line.startswith(f"{module} ")]

    def marker(self) -> dict:
        return json.loads((self.venv / "labkit.json").read_text())

    def change_marker(self, **changes: object) -> None:
        (self.venv / "labkit.json").write_text(json.dumps(self.marker() | changes))


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(tmp_path, monkeypatch)


def wait_for(path: Path) -> None:
    for _ in range(2000):
        if path.exists():
            return
        time.sleep(0.01)
    pytest.fail(f"{path} did not appear")


def nothing_left(checkout: Path) -> bool:
    return not (checkout / ".venv").exists() and not (checkout / ".lab" / "setup").exists()


def test_the_first_run_makes_the_environment_and_the_next_one_uses_it(stage, capfd):
    assert stage.lab().prepare() is True
    assert capfd.readouterr() == (
        "",
        "lab.py: making .venv with the packages locked in requirements/lab.txt (once; about a minute)\n",
    )
    (install,) = stage.calls("pip")
    assert "install" in install
    assert "--require-hashes --only-binary :all:" in install
    assert f"-r {stage.lock('lab')}" in install
    assert stage.lab().prepare() is False
    assert capfd.readouterr() == ("", "")
    assert len(stage.calls("pip")) == 1


def test_the_packages_for_tests_are_added_to_the_environment(stage, capfd):
    stage.lab("lab").prepare()
    stage.lab("test").prepare()
    assert "adding to .venv the packages locked in requirements/test.txt" in capfd.readouterr().err
    assert [len(stage.calls(module)) for module in ("venv", "ensurepip", "pip")] == [1, 1, 2]
    assert f"-r {stage.lock('test')}" in stage.calls("pip")[1]
    assert stage.lab("lab").task() is None
    assert stage.lab("test").task() is None


def test_the_packages_for_tests_include_the_labs(stage):
    stage.lab("test").prepare()
    assert stage.lab("lab").task() is None


def lock_changes(stage):
    stage.lock("lab").write_text("three\n")


def checkout_moves(stage):
    stage.checkout = stage.checkout.rename(stage.folder / "elsewhere")
    stage.venv = stage.checkout / ".venv"


def python_goes(stage):
    (stage.venv / "bin" / "python").unlink()


def configuration_goes(stage):
    (stage.venv / "pyvenv.cfg").unlink()


def base_changes_and_does_not_run(stage):
    stage.base.write_text(STAND_IN + "# another one\n")


def marker_is_cut_short(stage):
    (stage.venv / "labkit.json").write_text("")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lock_changes, "requirements/lab.txt has changed since .venv was made: making it again"),
        (checkout_moves, "checkout: making it again"),
        (python_goes, "the Python of .venv no longer runs: making it again"),
        (configuration_goes, "the Python of .venv no longer runs: making it again"),
        (base_changes_and_does_not_run, "the Python of .venv no longer runs: making it again"),
        (marker_is_cut_short, "the last set-up of .venv did not finish: making it again"),
        (lambda stage: stage.change_marker(python="cpython 3.10"), "was made with cpython 3.10, and this is"),
        (lambda stage: stage.change_marker(state="building"), "the last set-up of .venv did not finish"),
    ],
)
def test_an_unusable_environment_is_made_again(stage, capfd, change, words):
    stage.lab().prepare()
    (stage.venv / "from the first one").touch()
    change(stage)
    capfd.readouterr()
    assert stage.lab().prepare() is True
    error = capfd.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert not (stage.venv / "from the first one").exists()
    assert stage.lab().task() is None
    assert not (stage.checkout / ".lab" / "setup").exists()


def test_a_change_of_the_tests_lock_alone_leaves_the_lab_alone(stage):
    stage.lab("test").prepare()
    stage.lock("test").write_text("one\nthree\n")
    assert stage.lab("lab").task() is None
    assert stage.lab("test").task().afresh


@pytest.mark.parametrize("made_by", [Path.touch, Path.mkdir, lambda path: path.symlink_to("/nonexistent")])
def test_an_environment_that_the_lab_did_not_make_is_refused_and_left_alone(stage, made_by):
    made_by(stage.venv)
    with pytest.raises(MachineError, match=r"was not made by lab\.py") as caught:
        stage.lab().prepare()
    assert "Move it away or delete it" in caught.value.hint
    assert os.path.lexists(stage.venv)
    assert not (stage.folder / "calls").exists()


def test_a_failed_set_up_leaves_only_the_log(stage):
    stage.pip("echo 'ERROR: something new'; exit 2")
    with pytest.raises(MachineError, match=r"the set-up of \.venv failed: something new") as caught:
        stage.lab().prepare()
    log = stage.checkout / ".lab" / "setup.log"
    assert str(log) in caught.value.hint
    assert "something new" in log.read_text()
    assert nothing_left(stage.checkout)


def test_the_previous_environment_returns_when_a_new_one_fails(stage):
    stage.lab().prepare()
    before = stage.marker()
    stage.lock("lab").write_text("three\n")
    stage.pip("exit 1")
    with pytest.raises(MachineError):
        stage.lab().prepare()
    assert stage.marker() == before
    stage.lock("lab").write_text("one\n")
    assert stage.lab().task() is None


def test_a_half_made_environment_does_not_return(stage):
    stage.lab().prepare()
    stage.change_marker(state="building")
    stage.pip("exit 1")
    with pytest.raises(MachineError):
        stage.lab().prepare()
    assert nothing_left(stage.checkout)


def test_when_adding_fails_the_lab_still_works_and_the_tests_start_over(stage):
    stage.lab("lab").prepare()
    stage.pip("exit 1")
    with pytest.raises(MachineError):
        stage.lab("test").prepare()
    assert stage.lab("lab").task() is None
    assert stage.lab("test").task().afresh
    stage.pip("true")
    stage.lab("test").prepare()
    assert stage.lab("test").task() is None


def test_pip_gets_settings_for_sources_but_not_for_targets(stage):
    for name in ("TARGET", "PREFIX", "ROOT", "USER", "REQUIRE_VIRTUALENV", "DRY_RUN", "NO_BINARY", "INDEX_URL", "CERT"):
        stage.setenv(f"PIP_{name}", "set")
    stage.setenv("HTTPS_PROXY", "set")
    seen = stage.folder / "seen"
    stage.pip(f"env > '{seen}'")
    stage.lab().prepare()
    environment = dict(line.partition("=")[::2] for line in seen.read_text().splitlines())
    kept = {"PIP_INDEX_URL", "PIP_CERT", "PIP_FIND_LINKS", "PIP_CONFIG_FILE", "PIP_DEFAULT_TIMEOUT"}
    assert {"PIP_INDEX_URL", "PIP_CERT", "HTTPS_PROXY"} <= environment.keys()
    assert {name for name in environment if name.startswith("PIP_")} <= kept
    assert environment["TMPDIR"].startswith(str(stage.checkout / ".lab"))


def test_of_two_set_ups_at_once_one_waits_and_the_other_works(stage):
    go = stage.folder / "go"
    stage.pip(f"while ! test -e '{go}'; do sleep 0.02; done")
    with stage.start() as first, stage.start() as second:
        messages = [first.stderr.readline(), second.stderr.readline()]
        go.touch()
        assert [first.communicate(timeout=30)[1], second.communicate(timeout=30)[1]] == ["", ""]
    assert sorted(messages) == [
        "lab.py: making .venv with the packages locked in requirements/lab.txt (once; about a minute)\n",
        "lab.py: waiting for another set-up of this checkout to end\n",
    ]
    assert (first.returncode, second.returncode) == (0, 0)
    assert len(stage.calls("pip")) == 1


def test_after_a_kill_the_next_set_up_waits_for_the_running_step_and_starts_over(stage):
    started, go = stage.folder / "started", stage.folder / "go"
    stage.pip(
        f"touch '{started}'; while ! test -e '{go}'; do sleep 0.02; done; touch '{stage.venv}/from the first one'"
    )
    with stage.start() as killed:
        wait_for(started)
        killed.kill()
    assert stage.marker()["state"] == "building"
    assert (stage.checkout / ".lab" / "setup").exists()
    stage.pip("true")
    with stage.start() as successor:
        assert successor.stderr.readline() == "lab.py: waiting for another set-up of this checkout to end\n"
        go.touch()
        assert "did not finish: making it again" in successor.communicate(timeout=30)[1]
    assert successor.returncode == 0
    assert not (stage.venv / "from the first one").exists()
    assert stage.lab().task() is None
    assert not (stage.checkout / ".lab" / "setup").exists()


def test_an_interrupted_step_may_clean_up_after_itself(stage):
    started, cleaned = stage.folder / "started", stage.folder / "cleaned"
    stage.pip(f"trap \"touch '{cleaned}'; exit 1\" INT; touch '{started}'; while true; do sleep 0.02; done")
    with stage.start() as interrupted:
        wait_for(started)
        interrupted.send_signal(signal.SIGINT)
        interrupted.communicate(timeout=30)
    assert cleaned.exists()
    assert nothing_left(stage.checkout)


REFUSED = """\
WARNING: Retrying (Retry(total=1, connect=None, read=None, redirect=None, status=None)) after connection broken by 'x'
WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after connection broken by \
'NewConnectionError('<pip._vendor.urllib3.connection.HTTPConnection object at 0x7f2222de4e10>: Failed to establish a \
new connection: [Errno 111] Connection refused')': /idna/
ERROR: Could not find a version that satisfies the requirement idna==3.10 (from versions: none)
ERROR: No matching distribution found for idna==3.10
"""
TLS = """\
Could not fetch URL https://127.0.0.1:46053/simple/idna/: There was a problem confirming the ssl certificate: \
HTTPSConnectionPool(host='127.0.0.1', port=46053): Max retries exceeded with url: /simple/idna/ (Caused by \
SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed'))) - skipping
ERROR: No matching distribution found for idna==3.10
"""
CUT_SHORT = """\
  WARNING: Connection interrupted while downloading.
error: incomplete-download

× Download failed after 6 attempts because not enough bytes were received (2 bytes/100 kB)
"""
MISMATCH = """\
ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have updated the package versions, \
please update the hashes. Otherwise, examine the package contents carefully; someone may have tampered with them.
    idna==3.10 from https://127.0.0.1/idna-3.10-py3-none-any.whl#sha256=00 (from -r lab.txt (line 1)):
        Expected sha256 5ee7a19b
             Got        fcab7fcc
"""
NO_WHEEL = """\
ERROR: Could not find a version that satisfies the requirement gevent==26.1 (from versions: none)
ERROR: No matching distribution found for gevent==26.1
"""
FULL = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device: '/x/.venv/lib/a.so'\n"


@pytest.mark.parametrize(
    ("output", "message", "hint"),
    [
        (REFUSED, "index cannot be reached: connection broken by .*Connection refused", "PIP_INDEX_URL.*PIP_CERT"),
        (TLS, "index cannot be reached: .*CERTIFICATE_VERIFY_FAILED", "PIP_CERT"),
        (REFUSED + TLS, "index cannot be reached: .*CERTIFICATE_VERIFY_FAILED", "PIP_CERT"),
        (CUT_SHORT, "index cannot be reached", "run the same command again"),
        (
            MISMATCH,
            r"does not have the hash in requirements/lab\.txt: idna==3\.10 from https://127.0.0.1/idna-3\.10-py3-none-any\.whl$",
            "again",
        ),
        (
            NO_WHEEL,
            r"has no wheel for \w+ 3\.\d+t? on \w+ of a package in requirements/lab\.txt: .*gevent==26\.1$",
            "another Python",
        ),
        (FULL, "disk is full", "300 MB"),
        (REFUSED + FULL, "disk is full", "300 MB"),
        (REFUSED + MISMATCH, "does not have the hash", "again"),
        (
            "/x/.venv/bin/python: No module named ensurepip",
            "cannot make virtual environments",
            "apt install python3-venv",
        ),
        ("/usr/bin/python3: No module named venv", "cannot make virtual environments", "apt install python3-venv"),
        (str(OSError(28, "No space left on device", "/x/.lab")), "disk is full", "300 MB"),
        (str(OSError(13, "Permission denied", "/x/.lab")), "cannot be written to.*/x/.lab", "a checkout that you own"),
        (str(OSError(30, "Read-only file system", "/x/.lab")), "cannot be written to.*/x/.lab", "not read-only"),
        ("ERROR: who knows\nHint: none", "failed: who knows$", "^see there$"),
        ("", "ended without output", "^see there$"),
    ],
)
def test_a_failure_is_explained_with_a_remedy(output, message, hint):
    error = explain(output, "lab", "see there")
    assert error.exit_code == 3
    assert re.search(message, error.message)
    assert re.search(hint, error.hint)


# The rest runs lab.py itself, in a copy of the checkout, with a command line that only does the set-up.
CLI = """\
import importlib.util, json, os, sys
from labkit.setup import bootstrap
from labkit.model.errors import LabError

def main(argv):
    try:
        code = bootstrap.ensure(argv[0], argv)
    except LabError as error:
        print(f"{error.message}\\n{error.hint}", file=sys.stderr)
        return error.exit_code
    if code is None:
        modules = [name for name in ("first", "second") if importlib.util.find_spec(name)]
        print(json.dumps({"argv": argv, "prefix": sys.prefix, "modules": modules, "environment": dict(os.environ)}))
    return code or 0
"""


def write_wheel(folder: Path, name: str) -> str:
    """Make a wheel with one module; returns its line of a requirements file."""
    wheel, info = folder / f"{name}-1.0-py3-none-any.whl", f"{name}-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr(f"{name}.py", "")
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")
    return f"{name}==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the checkout whose locks name two small wheels, in `wheels` beside it."""
    checkout, wheels = tmp_path / "checkout", tmp_path / "wheels"
    wheels.mkdir()
    for package in ("labkit", "server"):
        shutil.copytree(ROOT / package, checkout / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "lab.py", checkout)
    (checkout / "labkit" / "cli.py").write_text(CLI)
    (checkout / "requirements").mkdir()
    first, second = (write_wheel(wheels, name) for name in ("first", "second"))
    (checkout / "requirements" / "lab.txt").write_text(first)
    (checkout / "requirements" / "test.txt").write_text(first + second)
    return checkout


def run_lab(checkout: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(checkout / "lab.py"), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=100, check=False, env=os.environ | environment
    )


def test_lab_py_uses_its_own_environment_despite_misleading_variables(copy):
    """The one real set-up: about ten seconds, most of them for ensurepip."""
    elsewhere = copy.parent / "elsewhere"
    misleading = copy.parent / "misleading"
    (misleading / "first-1.0.dist-info").mkdir(parents=True)  # pip would take `first` for installed
    (misleading / "first-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: first\nVersion: 1.0\n")
    (misleading / "pip.py").write_text("raise SystemExit('the wrong pip')")
    environment = {
        "PIP_FIND_LINKS": str(copy.parent / "wheels"),
        "PIP_NO_INDEX": "1",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_TARGET": str(elsewhere),
        "PIP_PREFIX": str(elsewhere),
        "PIP_ROOT": str(elsewhere),
        "PIP_USER": "1",
        "PIP_REQUIRE_VIRTUALENV": "1",
        "PYTHONPATH": str(misleading),
        "PYTHONSAFEPATH": "1",
        "VIRTUAL_ENV": sys.prefix,
    }
    first = run_lab(copy, "lab", "--limit", "3", "", PYTHONHOME=sys.base_prefix, **environment)
    assert first.returncode == 0, first.stderr
    answer = json.loads(first.stdout)
    assert answer["argv"] == ["lab", "--limit", "3", ""]
    assert answer["prefix"] == str(copy / ".venv")
    assert answer["modules"] == ["first"]
    assert environment.items() <= answer["environment"].items()
    assert "PYTHONHOME" not in answer["environment"]  # no virtual environment works with it
    assert first.stderr.count("\n") == 1
    assert not elsewhere.exists()

    second = run_lab(copy, "lab", **environment)
    assert (second.returncode, second.stderr) == (0, "")

    marker = copy / ".venv" / "labkit.json"
    marker.write_text(json.dumps(json.loads(marker.read_text()) | {"stamps": []}))  # as after an update of Python
    third = run_lab(copy, "lab", **environment)
    assert (third.returncode, third.stderr) == (0, "")

    tests = run_lab(copy, "test", **environment)
    assert tests.stderr.startswith("lab.py: adding to .venv")
    assert json.loads(tests.stdout)["modules"] == ["first", "second"]


def test_ctrl_c_during_the_set_up_ends_with_130_and_leaves_nothing(copy):
    command = [sys.executable, str(copy / "lab.py"), "lab"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        wait_for(copy / ".venv" / "pyvenv.cfg")
        process.send_signal(signal.SIGINT)
        error = process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert "the set-up was interrupted\nThe same command starts it again." in error
    assert "Traceback" not in error
    assert nothing_left(copy)


def test_unpacked_wheels_serve_only_their_own_lock(stage):
    place = packed.folder(stage.checkout / ".lab", hashlib.sha256(stage.lock("lab").read_bytes()).hexdigest())
    place.mkdir(parents=True)
    stage.lab("lab").prepare()
    stage.lab("test").prepare()
    first, second = stage.calls("pip")
    assert f"--no-index --find-links {place}" in first
    assert "--find-links" not in second


def old_pythons() -> list[str]:
    """Interpreters of this machine that are too old for the lab: on PATH or in pyenv."""
    versions = ["2.7", *(f"3.{minor}" for minor in range(4, 11))]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    found = [[*pyenv.glob(f"{version}.*/bin/python"), shutil.which(f"python{version}")] for version in versions]
    return [str(next(filter(None, some))) for some in found if any(some)]


@pytest.mark.parametrize("python", old_pythons() or [pytest.param("", marks=pytest.mark.skip("no older Python here"))])
def test_a_python_that_is_too_old_gets_a_one_line_message(python):
    done = subprocess.run([python, ROOT / "lab.py", "compare"], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 3
    assert re.fullmatch(r"lab\.py: the lab needs Python 3\.11 or newer, and this is Python [23]\.\d+ .*\n", done.stderr)
    assert done.stdout == ""
