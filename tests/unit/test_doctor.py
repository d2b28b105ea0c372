"""The doctor: judgements of given readings, the arithmetic of the calibration, and the two formats."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from datetime import UTC, datetime
from statistics import fmean

import pytest

from labkit.analysis.statistics import percentile
from labkit.doctor import calibration, engine_info, examination, probes, remedies
from labkit.doctor.calibration import Calibration, Ticks
from labkit.doctor.engine_info import EngineInfo, ImageInfo
from labkit.doctor.noise import Noise, predict_noise, spread
from labkit.doctor.probes import (
    architecture,
    busy,
    clock,
    disk,
    docker,
    hardware,
    images,
    leftovers,
    network,
    ports,
    python,
)
from labkit.doctor.probes import noise as noise_probe
from labkit.doctor.probes.busy import Power
from labkit.doctor.probes.leftovers import Leftovers
from labkit.doctor.probes.python import VenvState
from labkit.model.finding import Examination, Finding, Status, failed, ok, warning

OK, WARNING, FAILED = Status.OK, Status.WARNING, Status.FAILED
DEBIAN = ("debian",)

GOOD = EngineInfo(
    command=True,
    context="default",
    endpoint="unix:///var/run/docker.sock",
    version="26.1.5",
    api="1.45",
    compose="2.26.1-4",
    info={"OSType": "linux", "NCPU": 4, "MemTotal": 8_000_000_000, "Architecture": "x86_64"},
)
NONE = EngineInfo()
SILENT = replace(GOOD, version="", api="", info={}, trouble="Cannot connect to the Docker daemon at unix:///x.")
FORBIDDEN = replace(SILENT, trouble="permission denied while trying to connect to the Docker daemon socket")
OLD = replace(GOOD, version="19.03.15", api="1.40")
WINDOWS = replace(GOOD, info={"OSType": "windows"})
READY = VenvState(
    exists=True, task="", foreign="", differing=(), has_venv=True, writable=True, free_bytes=50_000_000_000
)
ABSENT = replace(READY, exists=False, task="making .venv")
TAG = "concurrency-lab:0123456789ab"
IMAGE = ImageInfo("sha256:fedcba9876543210", "amd64", 246_000_000, "0123456789ab")
RUN = Calibration((0.1,) * 20, (0.0001,) * 160, (0.008,) * 160, 0.0, 0.0, 0.02, 0, 0.98)
QUIET = Noise(0.004, 0.02, 0.0001, 0.0002, 0.01)


def engine_of(seen: EngineInfo, system: str = "linux", **environ: str) -> Finding:
    return docker.judge_engine(seen, system, DEBIAN, environ)


def environment_of(**changes: object) -> Finding:
    return python.judge_venv(replace(READY, **changes), "linux", DEBIAN)


def missing_environment(**changes: object) -> Finding:
    return python.judge_venv(replace(ABSENT, **changes), "linux", DEBIAN)


def architecture_of(**changes: object) -> Finding:
    alike = {"python": "x86_64", "machine": "AMD64", "engine": "x86_64", "image": "amd64"}
    return architecture.judge_architecture(**{**alike, "tag": TAG, "local_engine": True, **changes})


def image_of(image: ImageInfo | None, *, has_packages: bool = True, has_base: bool = True) -> Finding:
    there = {"has_packages": has_packages, "has_base": has_base}
    return images.judge_image(TAG, "0123456789ab", image, "python:3.14-slim", **there)


def certificates_of(files: dict[str, str], *missing: str, covered: bool = False, builds: bool = True) -> Finding:
    return network.judge_certificates(files, list(missing), "linux", covered=covered, builds=builds)


def proxy_of(
    proxies: dict[str, str], engines: dict[str, str], *, bypassed: bool = True, builds: bool = False
) -> Finding:
    return network.judge_proxy(proxies, engines, "linux", bypassed=bypassed, builds=builds)


# By probe: findings, their status, and a part of their remedy.
VERDICTS = {
    "python": [
        (python.judge_python("final", "CPython 3.13.1"), OK, ""),
        (python.judge_python("alpha", "CPython 3.16.0a1"), WARNING, "released"),
        (environment_of(), OK, ""),
        (environment_of(differing=("aiohttp",)), WARNING, "rm -r .venv && python lab.py"),
        (environment_of(task="requirements/lab.txt has changed since .venv was made"), WARNING, "python lab.py"),
        (environment_of(foreign=".venv was not made by lab.py"), FAILED, "mv .venv"),
        (missing_environment(), WARNING, "python lab.py approaches"),
        (missing_environment(has_venv=False), FAILED, "apt install python3-venv"),
        (missing_environment(writable=False), FAILED, "checkout"),
        (missing_environment(free_bytes=100_000_000), FAILED, "room"),
    ],
    "docker": [
        (engine_of(GOOD), OK, ""),
        (engine_of(NONE), WARNING, "apt install docker.io"),
        (engine_of(NONE, "darwin"), WARNING, "brew"),
        (engine_of(SILENT), WARNING, "systemctl start docker"),
        (engine_of(replace(SILENT, context="far-away")), WARNING, "docker context use default"),
        (engine_of(SILENT, DOCKER_HOST="tcp://127.0.0.1:1"), WARNING, "unset DOCKER_HOST"),
        (engine_of(replace(SILENT, trouble="no answer within 10 s")), WARNING, "systemctl"),
        (engine_of(FORBIDDEN), WARNING, "usermod -aG docker"),
        (engine_of(OLD), WARNING, "install"),
        (engine_of(WINDOWS), WARNING, "linux"),
        (docker.judge_rights(GOOD, ""), OK, ""),
        (docker.judge_rights(FORBIDDEN, ""), WARNING, "usermod -aG docker"),
        (docker.judge_compose(GOOD, "linux", DEBIAN), OK, ""),
        (docker.judge_compose(replace(GOOD, compose=""), "linux", DEBIAN), WARNING, "docker-compose"),
        (
            docker.judge_compose(replace(GOOD, compose="", compose_trouble="no answer within 10 s"), "linux", DEBIAN),
            WARNING,
            "docker compose version",
        ),
        (docker.judge_compose(replace(GOOD, compose="2.18.1"), "linux", DEBIAN), WARNING, "docker-compose"),
        (docker.judge_runtime(GOOD, local=True), OK, ""),
        (docker.judge_runtime(NONE, local=True), OK, ""),
        (docker.judge_runtime(OLD, local=True), WARNING, "--runtime local"),
        (docker.judge_runtime(NONE, local=False), FAILED, "wsl"),
        (docker.judge_runtime(OLD, local=False), FAILED, "docker"),
        (docker.judge_runtime(WINDOWS, local=False), FAILED, "docker"),
        (docker.judge_runtime(replace(GOOD, compose=""), local=False), FAILED, "docker"),
    ],
    "images": [
        (image_of(IMAGE), OK, ""),
        (image_of(replace(IMAGE, source="ba9876543210")), WARNING, "docker rmi"),
        (image_of(replace(IMAGE, source="")), WARNING, "docker rmi"),
        (image_of(None), OK, ""),
        (image_of(None, has_packages=False), WARNING, "--runtime docker"),
        (image_of(None, has_packages=False, has_base=False), WARNING, "--runtime docker"),
    ],
    "hardware": [
        (hardware.judge_processors(4, None, 4), OK, ""),
        (hardware.judge_processors(1, None, None), WARNING, "two"),
        (hardware.judge_processors(8, 1.5, None), WARNING, "two"),
        (hardware.judge_processors(8, None, 1), WARNING, "two"),
        (hardware.judge_memory(8_000_000_000, 4_000_000_000, 8_000_000_000), OK, ""),
        (hardware.judge_memory(None, None, None), OK, ""),
        (hardware.judge_memory(8_000_000_000, 500_000_000, None), WARNING, "End"),
        (hardware.judge_memory(8_000_000_000, None, 1_900_000_000), WARNING, "4 GB"),
    ],
    "architecture": [
        (architecture_of(), OK, ""),
        (architecture_of(machine="arm64", python="arm64", engine="aarch64", image="arm64"), OK, ""),
        (architecture_of(engine=None, image=None), OK, ""),
        (architecture_of(engine="aarch64", image=None, local_engine=False), OK, ""),
        (architecture_of(machine="arm64"), WARNING, "aarch64"),
        (architecture_of(image="arm64"), WARNING, "docker rmi"),
        (architecture_of(engine="aarch64", image=None), WARNING, "x86_64"),
    ],
    "disk": [
        (disk.judge_checkout(20_000_000_000), OK, ""),
        (disk.judge_checkout(900_000_000), WARNING, "results/"),
        (disk.judge_engine(20_000_000_000, has_image=False), OK, ""),
        (disk.judge_engine(None, has_image=False), OK, ""),
        (disk.judge_engine(1_200_000_000, has_image=True), OK, ""),
        (disk.judge_engine(1_200_000_000, has_image=False), WARNING, "docker builder prune"),
    ],
    "ports": [
        (ports.judge_port(8000, "", "other", up=False), OK, ""),
        (ports.judge_port(8000, "port 8000 cannot be used", "python lab.py up --port 8001", up=False), WARNING, "8001"),
        (ports.judge_port(8000, "port 8000 cannot be used", "other", up=True), WARNING, "lab.py down"),
    ],
    "clock": [
        (clock.judge_clock(3600.0, "tsc", "linux"), OK, ""),
        (clock.judge_clock(3600.0, None, "darwin"), OK, ""),
        (clock.judge_clock(-10 * 86_400.0, "tsc", "linux"), WARNING, "timedatectl"),
        (clock.judge_clock(3600.0, "hpet", "linux"), WARNING, "Restart"),
        (clock.judge_engine(0.2, "darwin", desktop=True), OK, ""),
        (clock.judge_engine(-42.0, "darwin", desktop=True), WARNING, "docker desktop restart"),
    ],
    "network": [
        (proxy_of({}, {}), OK, ""),
        (proxy_of({"http": "http://proxy:3128"}, {}), OK, ""),
        (proxy_of({"http": "http://proxy:3128"}, {}, bypassed=False), WARNING, "NO_PROXY"),
        (proxy_of({"http": "http://proxy:3128"}, {}, builds=True), WARNING, "docker"),
        (proxy_of({"http": "http://proxy:3128"}, {"http": "http://proxy:3128"}, builds=True), OK, ""),
        (certificates_of({}), OK, ""),
        (certificates_of({"PIP_CERT": "/a.pem"}, builds=False), OK, ""),
        (certificates_of({"PIP_CERT": "/a.pem"}, covered=True), OK, ""),
        (certificates_of({"PIP_CERT": "/a.pem"}), WARNING, "export LAB_CA_BUNDLE='/a.pem'"),
        (certificates_of({"PIP_CERT": "/a.pem"}, "PIP_CERT"), WARNING, "unset PIP_CERT"),
        (certificates_of({"pip's settings": "/a.pem"}, "pip's settings"), WARNING, "pip config unset"),
    ],
    "busy": [
        (busy.judge_load(0.3, 2, "linux"), OK, ""),
        (busy.judge_load(None, 2, "win32"), OK, ""),
        (busy.judge_load(3.0, 2, "linux"), WARNING, "top"),
        (busy.judge_power(Power(battery=False, percent=80)), OK, ""),
        (busy.judge_power(Power(battery=None)), OK, ""),
        (busy.judge_power(Power(battery=True, percent=80)), WARNING, "Plug"),
        (busy.judge_power(Power(battery=None, profile="low-power")), WARNING, "powerprofilesctl"),
    ],
    "leftovers": [
        (leftovers.judge_leftovers(Leftovers(0, 0, 0, 0)), OK, ""),
        (leftovers.judge_leftovers(Leftovers(0, 0, None, None)), OK, ""),
        (leftovers.judge_leftovers(Leftovers(1, 0, None, None)), WARNING, "lab.py clean"),
        (leftovers.judge_leftovers(Leftovers(0, 1, 0, 0)), WARNING, "lab.py clean"),
        (leftovers.judge_leftovers(Leftovers(0, 0, 1, 0)), WARNING, "lab.py clean"),
        (leftovers.judge_leftovers(Leftovers(0, 0, 0, 1)), WARNING, "lab.py clean"),
    ],
    "noise": [
        (noise_probe.judge_clock(RUN, "linux"), OK, ""),
        (noise_probe.judge_clock(replace(RUN, clock_moved_s=0.5), "linux"), WARNING, "timedatectl"),
        (noise_probe.judge_sharing(RUN, "linux"), OK, ""),
        (noise_probe.judge_sharing(replace(RUN, steal=None), "darwin"), OK, ""),
        (noise_probe.judge_sharing(replace(RUN, steal=0.05), "linux"), WARNING, "machine"),
        (noise_probe.judge_sharing(replace(RUN, others=0.4), "linux"), WARNING, "top"),
        (noise_probe.judge_throttling(RUN), OK, ""),
        (noise_probe.judge_throttling(replace(RUN, throttled=None, frequency=None)), OK, ""),
        (noise_probe.judge_throttling(replace(RUN, throttled=3)), WARNING, "cool"),
        (noise_probe.judge_throttling(replace(RUN, frequency=0.3)), WARNING, "performance"),
        (noise_probe.judge_noise(QUIET), OK, ""),
        (noise_probe.judge_noise(replace(QUIET, waiting_s=0.05)), WARNING, "--repeat"),
        (noise_probe.judge_noise(replace(QUIET, working_s=0.2)), WARNING, "--repeat"),
    ],
}


@pytest.mark.parametrize(
    ("finding", "status", "remedy"),
    [pytest.param(*each, id=each[0].name) for every in VERDICTS.values() for each in every],
)
def test_a_reading_is_judged(finding, status, remedy):
    assert finding.status is status
    assert remedy in finding.remedy
    assert bool(finding.remedy) == (status is not OK)
    assert finding.message
    json.dumps(dict(finding.readings), allow_nan=False)


@pytest.mark.parametrize("name", probes.names())
def test_each_probe_can_find_no_problem_and_a_problem(name):
    by_finding: dict[str, set[Status]] = {}
    for finding, status, _ in VERDICTS[name]:
        by_finding.setdefault(re.sub(r"_\d+$", "", finding.name), set()).add(status)
    assert all(OK in found and found - {OK} for found in by_finding.values()), by_finding


def test_two_probes_never_share_the_name_of_a_finding():
    names = [{finding.name for finding, _, _ in every} for every in VERDICTS.values()]
    assert len(set.union(*names)) == sum(map(len, names))


# Readings


def test_the_engines_clock_is_compared_with_the_span_of_the_query():
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp()
    time = "2026-01-02T03:04:05.123456789Z"
    assert engine_info.seconds_ahead(time, at, at + 1) == 0
    assert engine_info.seconds_ahead(time, at + 60, at + 61) == pytest.approx(-59.877, abs=0.001)
    assert engine_info.seconds_ahead(time, at - 61, at - 60) == pytest.approx(60.123, abs=0.001)
    assert engine_info.seconds_ahead("", at, at) is None


@pytest.mark.parametrize(
    ("version", "expected"),
    [("2.26.1-4", (2, 26)), ("v2.5.0", (2, 5)), ("5.0.2", (5, 0)), ("dev", ()), ("1.41", (1, 41))],
)
def test_version_numbers(version, expected):
    assert docker.version_numbers(version) == expected


@pytest.mark.parametrize(("text", "expected"), [("150000 100000\n", 1.5), ("max 100000", None), ("-1 100000", None)])
def test_the_cpu_quota_of_a_container(text, expected):
    assert hardware.quota_of(text) == expected


def test_available_memory():
    assert hardware.available_of("MemTotal:  16 kB\nMemAvailable:    2048 kB\n") == 2048 * 1024
    assert hardware.available_of("MemTotal:  16 kB\n") is None


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (
            "Now drawing from 'Battery Power'\n -InternalBattery-0 (id=1)\t83%; discharging;",
            Power(battery=True, percent=83),
        ),
        ("Now drawing from 'AC Power'\n -InternalBattery-0 (id=1)\t100%; charged;", Power(battery=False, percent=100)),
        ("", Power(battery=None)),
    ],
)
def test_power_of_a_mac(output, expected):
    assert busy.mac_power(output) == expected


def test_power_of_a_linux_machine(tmp_path):
    def supply(name: str, **files: str) -> None:
        (tmp_path / name).mkdir(exist_ok=True)
        for file, text in files.items():
            (tmp_path / name / file).write_text(f"{text}\n")

    profile = tmp_path / "platform_profile"
    assert busy.linux_power(tmp_path / "none", profile) == Power(battery=None)
    supply("hidpp_battery_0", type="Battery", scope="Device", status="Discharging", capacity="9")
    assert busy.linux_power(tmp_path, profile) == Power(battery=None)  # the battery of a mouse
    supply("BAT0", type="Battery", status="Discharging", capacity="55")
    assert busy.linux_power(tmp_path, profile) == Power(battery=True, percent=55)
    supply("AC", type="Mains", online="1")
    assert busy.linux_power(tmp_path, profile) == Power(battery=False, percent=55)


def test_installed_packages_are_compared_with_the_lock_file():
    locked = {"aiohttp": "3.1", "requests": "2.0", "trio": "1.0"}
    assert python.differing(locked, {"aiohttp": "3.1", "requests": "2.1", "pip": "24"}) == ("requests", "trio")


def test_pips_settings_files_are_read(tmp_path):
    (tmp_path / "own.conf").write_text("[global]\ncert = /company.pem\n[install]\nproxy = http://u:p@proxy:1\n")
    environ = {"HOME": str(tmp_path), "PIP_CONFIG_FILE": str(tmp_path / "own.conf")}
    assert network.pip_config(environ) == {"cert": "/company.pem", "proxy": "http://u:p@proxy:1"}
    (tmp_path / "own.conf").write_text("no settings file\n")
    assert "proxy" not in network.pip_config(environ)


def test_the_password_of_a_proxy_is_never_shown():
    finding = proxy_of({"https": "http://anna:secret@proxy:3128"}, {"http": "http://bob:word@other"}, bypassed=False)
    assert "proxy:3128" in finding.message
    shown = json.dumps([finding.message, finding.remedy, dict(finding.readings)])
    assert not any(word in shown for word in ("anna", "secret", "bob", "word@"))


def test_shares_of_cpu_time():
    stat = "cpu  100 0 100 700 50 0 0 50 30 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n"
    assert calibration.ticks_of(stat, 100) == Ticks(2.0, 0.5, 10.0)
    assert calibration.ticks_of("", 100) is None
    before, after = Ticks(2.0, 0.5, 10.0), Ticks(5.0, 1.0, 20.0)
    assert calibration.shares(before, after, own_s=1.0) == (pytest.approx(0.05), pytest.approx(0.2))
    assert calibration.shares(before, None, own_s=1.0) == (None, None)


@pytest.mark.parametrize(
    "family", [("ubuntu", "debian"), ("linuxmint", "ubuntu", "debian"), ("fedora",), ("arch",), ()]
)
def test_the_command_that_installs_docker_is_for_the_distribution(family):
    command = remedies.install_docker("linux", family)
    assert ("apt" in command) == ("ubuntu" in family)
    assert "compose" in command.lower()


# The calibration


def test_constant_times_have_no_noise():
    noise = predict_noise(RUN)
    assert (noise.waiting_s, noise.working_s, noise.piece_spread) == (0, 0, 0)
    with pytest.raises(ValueError, match="few"):
        predict_noise(replace(RUN, blocks=(0.1,) * 3))


@pytest.mark.parametrize("number", [1, 3, 10])
@pytest.mark.parametrize(
    "draw", [lambda chance: chance.gauss(0.1, 0.004), lambda chance: 0.1 + chance.random() ** 2 / 100]
)
def test_the_spread_predicts_the_difference_of_sums_of_random_times(number, draw):
    chance = random.Random(7)

    def trial() -> float:
        return sum(draw(chance) for _ in range(number))

    truth = percentile([abs(trial() - trial()) for _ in range(4000)], 95)
    predicted = [spread([draw(chance) for _ in range(20)], number) for _ in range(300)]
    assert 0.9 * truth < fmean(predicted) < 1.3 * truth


def test_the_spread_includes_a_drift():
    assert spread([0.10] * 10 + [0.11] * 10, 10) == pytest.approx(0.1)
    assert spread([0.10, 0.11] * 10, 10) == pytest.approx(0.01 * 10**0.5)


def test_late_sleeps_are_noise_of_waiting_and_uneven_blocks_noise_of_working():
    late = replace(RUN, overshoots=(0.0001, 0.0011) * 80)
    assert predict_noise(late).waiting_s == pytest.approx(0.001 * 3**0.5)
    assert predict_noise(late).working_s == 0
    uneven = replace(RUN, blocks=(0.1, 0.11) * 10)
    assert predict_noise(uneven).working_s == pytest.approx(0.01 / 0.105**0.5)
    assert predict_noise(uneven).waiting_s == 0


def test_a_calibration_measures_the_clock_and_ends():
    now, slept = 0.0, []

    def clock_() -> float:
        nonlocal now
        now += 0.003  # the cost of each reading, and of each piece of work between two readings
        return now

    def sleep(length: float) -> None:
        nonlocal now
        slept.append(length)
        now += length + 0.003

    run = calibration.calibrate(clock_, sleep)
    assert len(run.blocks) >= calibration.FEWEST_BLOCKS
    assert len(slept) == len(run.overshoots) == len(run.pieces) == 8 * len(run.blocks)
    assert run.overshoots == pytest.approx([0.006] * len(slept))


# The examination


def found(*findings: Finding) -> Examination:
    return Examination(datetime(2026, 1, 2, tzinfo=UTC), findings)


def test_only_what_failed_makes_a_machine_unfit():
    fine = (ok("python", "CPython 3.13.1"), warning("engine", "does not answer", "sudo systemctl start docker"))
    assert found(*fine).ready
    assert not found(*fine, failed("environment", "no room", "Make room.")).ready


class Broken:
    PLACE = 1

    @staticmethod
    def probe(machine: object):
        yield ok("first", f"before it failed on {machine}")
        raise RuntimeError("on purpose")


def test_a_probe_that_fails_becomes_a_finding():
    before, after = examination.run("broken", Broken, None)
    assert before.name == "first"
    assert (after.name, after.status) == ("probe_broken", WARNING)
    assert "RuntimeError: on purpose" in after.message
