"""`lab.py load`, end to end, on the real server and the real Locust of both runtimes."""

from __future__ import annotations

import csv
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from subprocess import Popen
from typing import Any
from urllib.request import urlopen

import psutil
import pytest

from labkit.load.limit import TRIES
from loadtest.schedule import offsets
from tests.acts import containers, free_port, kill_server, pids, servers, wait
from tests.both.conftest import nothing_left
from tests.checkout import Answer, Checkout, answer, docker

pytestmark = pytest.mark.slow

QUICK = "load --workers 2 --delay 0.1"
# Enough answers per second for the first of them to be on disk soon, at little cost for the machine.
LONG = "load --workers 2 --delay 0.02 --users 4 --duration 60"
PROCESSES = pytest.mark.parametrize("processes", [1, 2])


# Checks that fail on a busy machine, or because Locust's workers start during so short a load.
BUSY = {"quiet_machine", "server_delay", "generator"}


def failing(trial: dict[str, Any]) -> set[str]:
    return {check["name"] for check in trial["checks"] if check["ok"] is False} - BUSY


def busy(trial: dict[str, Any]) -> bool:
    """True if a check reports that the machine was busy."""
    return any(check["ok"] is False for check in trial["checks"] if check["name"] in BUSY)


def rows_of(checkout: Checkout, document: dict[str, Any]) -> list[dict[str, str]]:
    """The saved requests of the last load."""
    path = checkout.root / "results" / document["id"] / document["trials"][-1]["requests_file"]
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def measured(checkout: Checkout, run: Answer) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """The only load and its rows, which are all accounted for and in the server's log."""
    (trial,) = run.document["trials"]
    assert (trial["outcome"], trial["error"], failing(trial)) == ("ok", None, set()), trial["checks"]
    assert run.code == (1 if busy(trial) else 0), run.err
    rows = rows_of(checkout, run.document)
    assert trial["arrivals"] == trial["ok"] + trial["failed"] + trial["unfinished"] + trial["not_begun"]
    assert sorted(int(row["id"]) for row in rows) == list(range(1, trial["begun"] + 1))
    for row in rows:
        assert (row["status"], row["error"]) == ("200", "")
        assert float(row["begun_s"]) <= float(row["server_start_s"])
        assert float(row["server_start_s"]) < float(row["server_end_s"]) <= float(row["end_s"])
    return trial, rows


def test_a_closed_load(checkout: Checkout, runtime: str) -> None:
    run = checkout.lab(f"{QUICK} --users 3 --duration 1 --runtime {runtime} --format json")
    trial, rows = measured(checkout, run)
    assert trial["load"]["mode"] == "closed"
    assert trial["ok"] == trial["begun"] == trial["arrivals"] > 3
    assert (trial["max_in_flight"], trial["server_max_in_flight"]) == (3, 2)
    assert (trial["late"], trial["response_s"]) == (None, None)
    assert {row["due_s"] for row in rows} == {""}
    assert max(float(row["begun_s"]) for row in rows) < 2, "none begins long after the end"
    assert trial["makespan_s"] > 1
    assert trial["latency_s"]["min"] >= 0.1
    assert run.document["environment"]["runtime"] == runtime


@PROCESSES
def test_a_number_of_requests_ends_the_load(checkout: Checkout, runtime: str, processes: int) -> None:
    run = checkout.lab(
        f"{QUICK} --users 4 --requests 21 --duration 60 --processes {processes} --runtime {runtime} --format json"
    )
    trial, rows = measured(checkout, run)
    assert (trial["begun"], trial["ok"], trial["load"]["duration_s"]) == (21, 21, 60)
    assert trial["throughput_per_s"] == pytest.approx(21 / trial["makespan_s"]), "it ended with them"
    assert {row["source"] for row in rows} == {str(number) for number in range(processes)}
    assert trial["max_in_flight"] <= 4
    assert trial["processes_peak"] >= processes


@pytest.mark.parametrize(("arrivals", "processes"), [("constant", 1), ("poisson", 2)])
def test_an_open_load(checkout: Checkout, runtime: str, arrivals: str, processes: int) -> None:
    run = checkout.lab(
        f"load --workers 2 --delay 0.05 --rate 15 --arrivals {arrivals} --seed 7 --duration 1 "
        f"--processes {processes} --runtime {runtime} --format json"
    )
    trial, rows = measured(checkout, run)
    due = [offset_s for offset_s in islice(offsets(15, arrivals, 7), 100) if offset_s < 1]
    due_s = {int(row["id"]): float(row["due_s"]) for row in rows}
    assert [due_s[number] - due_s[1] for number in sorted(due_s)] == pytest.approx([each - due[0] for each in due])
    assert trial["ok"] == trial["arrivals"] == len(due)
    assert all(float(row["begun_s"]) >= float(row["due_s"]) for row in rows)
    assert trial["response_s"]["mean"] >= trial["latency_s"]["mean"] >= 0.05
    assert trial["load"]["mode"] == "open"


def test_a_sparse_load_lasts_for_its_duration(checkout: Checkout, runtime: str) -> None:
    run = checkout.lab(f"{QUICK} --rate 0.5 --arrivals constant --duration 1.5 --runtime {runtime} --format json")
    trial, _ = measured(checkout, run)
    assert (trial["arrivals"], trial["ok"]) == (1, 1)
    assert trial["makespan_s"] < 1.5
    assert trial["throughput_per_s"] == pytest.approx(1 / 1.5)


def test_response_times_exceed_latencies_with_too_few_users(checkout: Checkout, runtime: str) -> None:
    run = checkout.lab(
        f"{QUICK} --rate 40 --arrivals constant --users 2 --duration 1 --runtime {runtime} --format json"
    )
    trial, rows = measured(checkout, run)
    assert (trial["arrivals"], trial["max_in_flight"], trial["not_begun"]) == (40, 2, 0)
    assert trial["late"] == sum(float(row["begun_s"]) - float(row["due_s"]) > trial["late_s"] for row in rows) > 20
    assert trial["latency_s"]["p50"] < trial["response_s"]["p50"]
    assert trial["latency_s"]["max"] < trial["response_s"]["max"]


def test_a_threshold_ends_the_load(checkout: Checkout, runtime: str) -> None:
    run = checkout.lab(f"{LONG} --stop-when p50>9 --stop-when p50>0.02 --runtime {runtime} --format json")
    trial, _ = measured(checkout, run)
    assert run.document["stopped"].startswith("p50>0.02 (it was 0.")
    assert trial["makespan_s"] < 60
    assert trial["load"]["duration_s"] == 60


def test_arrivals_without_a_free_user_are_counted_when_a_threshold_ends_the_load(
    checkout: Checkout, runtime: str
) -> None:
    run = checkout.lab(
        f"{QUICK} --rate 60 --users 2 --duration 60 --stop-when late>10 --runtime {runtime} --format json"
    )
    trial, _ = measured(checkout, run)
    assert trial["not_begun"] > 0
    assert trial["arrivals"] == trial["begun"] + trial["not_begun"]


@pytest.mark.parametrize(("threshold", "failed"), [("p50>0.01", True), ("p50>9", False)])
def test_a_threshold_decides_the_exit_code(checkout: Checkout, runtime: str, threshold: str, failed: bool) -> None:  # noqa: FBT001
    run = checkout.lab(
        f"{QUICK} --users 2 --requests 4 --fail-when {threshold} --fail-when failed>1% "
        f"--runtime {runtime} --format json"
    )
    (trial,) = run.document["trials"]
    assert [verdict["failed"] for verdict in run.document["thresholds"]] == [failed, False]
    assert run.document["thresholds"][0]["value"] == trial["latency_s"]["p50"]
    assert run.code == (1 if failed or busy(trial) else 0), run.err


def test_the_limit_is_found(checkout: Checkout, runtime: str) -> None:
    run = checkout.lab(
        "load --find-limit --workers 2 --delay 0.1 --arrivals constant --rate 10 --step 20 --duration 1 --bound 0.3 "
        f"--runtime {runtime} --format json"
    )
    document = run.document
    knee, trials = document["knee"], document["trials"]
    rates = [trial["load"]["rate"] for trial in trials]
    assert knee["capacity_per_s"] == pytest.approx(20)
    assert [trial["order"] for trial in trials] == list(range(1, len(trials) + 1))
    assert [failing(trial) for trial in trials] == [set()] * len(trials)
    good = [not busy(trial) for trial in trials if trial["load"]["rate"] == 10]
    if rates[-1] == 30:  # above the capacity of the workers, however busy the machine is
        assert (knee["last_good"], knee["first_bad"]) == (10, 30)
        assert "above the 20 per second" in knee["why"]
        assert rates.count(30) == 1
    elif knee["first_bad"] is None:
        assert (good, knee["last_good"]) == ([False] * TRIES, None)
        assert knee["why"].startswith("inconclusive at 10 per second")
    else:
        assert (knee["last_good"], knee["first_bad"]) == (None, 10)
        assert good[-1] is False, "an idle machine answers that"
    assert run.code == (0 if rates[-1] == 30 else 1), run.err
    folder = checkout.root / "results" / document["id"]
    assert len(list(folder.glob("requests-*.csv"))) == len(rates)


@pytest.mark.docker
def test_both_runtimes_save_the_same_fields(checkout: Checkout) -> None:
    def shape(value: Any, name: str = "") -> Any:
        if name in {"images", "packages", "docker", "compose"}:
            return None
        if isinstance(value, dict):
            return {key: shape(each, key) for key, each in value.items()}
        return [shape(each) for each in value[:1]] if isinstance(value, list) else None

    shapes = []
    for runtime in ("local", "docker"):
        run = checkout.lab(f"{QUICK} --rate 10 --duration 0.5 --fail-when p99>9 --runtime {runtime} --format json")
        document = run.document
        folder = checkout.root / "results" / document["id"]
        assert json.loads((folder / "result.json").read_text("utf-8")) == document
        (line,) = (folder / "trials.jsonl").read_text("utf-8").splitlines()
        assert [json.loads(line)] == document["trials"]
        assert (document["schema"], document["mode"]) == ("concurrency-lab/comparison/1", "load")
        shapes.append(shape(document))
    assert shapes[0] == shapes[1]
    nothing_left(checkout)


@contextmanager
def running(checkout: Checkout, runtime: str, command: str) -> Iterator[Popen[str]]:
    """`command`, once requests were answered."""
    before = set(checkout.results())
    with checkout.start(f"{command} --runtime {runtime} --format json") as process:
        wait(lambda: process.poll() is not None or any(_written(set(checkout.results()) - before)))
        yield process


def _written(folders: set[Path]) -> Iterator[int]:
    """The sizes of the saved requests; the first few thousand bytes are written together."""
    return (path.stat().st_size for folder in folders for path in folder.glob("requests-*.csv"))


@pytest.mark.parametrize(("number", "processes"), [(signal.SIGINT, 1), (signal.SIGTERM, 2)])
def test_an_interrupted_load_is_saved_and_reported(
    checkout: Checkout, runtime: str, number: int, processes: int
) -> None:
    with running(checkout, runtime, f"{LONG} --processes {processes}") as process:
        process.send_signal(number)
        run = answer(process)
    assert run.code == 130, run.err
    assert "Traceback" not in run.err
    (trial,) = run.document["trials"]
    assert (trial["outcome"], trial["error"], trial["unfinished"]) == ("interrupted", None, 0)
    assert failing(trial) == set()
    rows = rows_of(checkout, run.document)
    assert len(rows) == trial["begun"] == trial["ok"] > 4
    assert json.loads((checkout.root / "results" / run.document["id"] / "result.json").read_text()) == run.document
    assert [notice["code"] for notice in run.document["warnings"]] == ["stopped"]


@pytest.mark.parametrize(("number", "after_s"), [(signal.SIGINT, 0.0), (signal.SIGTERM, 0.4), (signal.SIGINT, 1.1)])
def test_an_interruption_at_any_moment_leaves_nothing(
    checkout: Checkout, runtime: str, number: int, after_s: float
) -> None:
    before = set(checkout.results())
    with checkout.start(f"{LONG} --processes 2 --runtime {runtime} --format json") as process:
        wait(lambda: (checkout.root / ".lab" / "runs").exists() and any((checkout.root / ".lab" / "runs").iterdir()))
        time.sleep(after_s)
        process.send_signal(number)
        run = answer(process)
    assert run.code == 130, run.err
    assert "Traceback" not in run.err
    new = {folder.name for folder in set(checkout.results()) - before}
    assert new == ({run.document["id"]} if run.out else set())


def test_a_second_interruption_does_not_wait_for_answers(checkout: Checkout, runtime: str) -> None:
    before = set(checkout.results())
    command = "load --workers 1 --delay 50 --users 3 --duration 60"
    with checkout.start(f"{command} --runtime {runtime} --format json") as process:
        wait(lambda: [*_written(set(checkout.results()) - before)])
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        run = answer(process)
    assert run.code == 130, run.err
    (trial,) = run.document["trials"]
    assert (trial["outcome"], trial["begun"], trial["unfinished"]) == ("interrupted", 3, 3)
    assert len(rows_of(checkout, run.document)) == 3


def crashed(checkout: Checkout, run: Answer) -> str:
    """The outcome and error of a crashed load, of which the first part was saved."""
    assert run.code == 1, run.err
    assert "Traceback" not in run.err
    (trial,) = run.document["trials"]
    assert trial["ok"] > 4
    assert trial["throughput_per_s"] == pytest.approx(trial["ok"] / trial["makespan_s"])
    assert len(rows_of(checkout, run.document)) == trial["begun"]
    return f"{trial['outcome']}: {trial['error']}"


def test_the_server_dies_during_the_load(checkout: Checkout, runtime: str) -> None:
    with running(checkout, runtime, LONG) as process:
        kill_server(checkout, runtime)
        run = answer(process)
    assert crashed(checkout, run) == "crashed: the slow server ended during the load"


def test_the_load_generator_dies_during_the_load(checkout: Checkout, runtime: str) -> None:
    with running(checkout, runtime, LONG) as process:
        if runtime == "local":
            (generator,) = pids(checkout, "clients.harness.measured", "loadtest.load")
            os.kill(generator, signal.SIGKILL)
        else:
            docker("kill", *containers(checkout, "load"))
        run = answer(process)
    how = {"local": "killed by SIGKILL", "docker": "the client exited with code 137"}
    assert crashed(checkout, run) == f"crashed: {how[runtime]}"


WORKERS = """
import os, signal
from pathlib import Path
found = [int(p.parent.name) for p in Path('/proc').glob('[0-9]*/cmdline') if b'loadtest.worker\\0' in p.read_bytes()]
os.kill(max(found), signal.SIGKILL)
"""


def test_a_locust_worker_dies_during_the_load(checkout: Checkout, runtime: str) -> None:
    with running(checkout, runtime, f"{LONG} --processes 2") as process:
        if runtime == "local":
            os.kill(max(pids(checkout, "loadtest.worker")), signal.SIGKILL)
        else:
            (generator,) = containers(checkout, "load")
            docker("exec", generator, "python", "-c", WORKERS)
        run = answer(process)
    assert "Locust worker 2 of 2 killed by SIGKILL" in crashed(checkout, run)


def test_requests_of_a_dead_server_worker_fail_and_are_not_retried(checkout: Checkout) -> None:
    command = "load --workers 2 --delay 0.5 --users 4 --duration 8 --runtime local --format json"
    with checkout.start(command) as process:
        wait(lambda: pids(checkout, "clients.harness.measured", "loadtest.load"))
        time.sleep(4)  # until each of them is busy, and stays so
        gunicorn = {int(pid) for pid in servers(checkout, "local")}
        workers = [pid for pid in gunicorn if psutil.Process(pid).ppid() in gunicorn]
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        run = answer(process)
    assert run.code == 1, run.err
    (trial,) = run.document["trials"]
    assert len(workers) == 2
    assert 1 <= trial["failed"] <= len(workers), "each of them serves one at a time"
    assert trial["ok"] + trial["failed"] == trial["begun"]
    (error,) = trial["errors"]
    assert error["count"] == trial["failed"]
    told = f"{trial['failed']} of {trial['begun']} requests failed: {error['what']}"
    assert (trial["outcome"], trial["error"], failing(trial)) == ("failed", told, set())
    failed = [row for row in rows_of(checkout, run.document) if row["error"]]
    assert [(row["status"], row["worker"]) for row in failed] == [("", "")] * trial["failed"], "no one has answered"
    nothing_left(checkout)


@PROCESSES
def test_locusts_own_page(checkout: Checkout, runtime: str, processes: int) -> None:
    port = free_port()
    with checkout.start(f"{QUICK} --ui --port {port} --processes {processes} --runtime {runtime}") as process:
        try:
            wait(lambda: process.poll() is not None or _get(port, "/stats/requests"))
            assert "Locust" in _get(port, "/")
            workers = processes if processes > 1 or runtime == "docker" else 0  # the containers include a master
            wait(lambda: len(_stats(port).get("workers", ())) == workers)
            with urlopen(f"http://127.0.0.1:{port}/swarm", data=b"user_count=2&spawn_rate=2", timeout=5) as answered:
                assert json.load(answered)["success"]
            wait(lambda: _stats(port)["total_rps"] > 0)
            assert _stats(port)["errors"] == []
        finally:
            process.send_signal(signal.SIGINT)
            run = answer(process)
    assert run.code == 130, run.err
    assert f"http://127.0.0.1:{port}" in run.err
    assert "Traceback" not in run.err
    with socket.create_server(("127.0.0.1", port)):
        pass  # the port is free again


def test_the_server_behind_the_page_dies(checkout: Checkout, runtime: str) -> None:
    port = free_port()
    with checkout.start(f"{QUICK} --ui --port {port} --runtime {runtime}") as process:
        wait(lambda: process.poll() is not None or _get(port, "/"))
        kill_server(checkout, runtime)
        run = answer(process)
    assert run.code == 1, run.err
    assert "the slow server ended" in run.err
    assert "Traceback" not in run.err
    assert servers(checkout, runtime) == []


def test_a_taken_port_is_reported(checkout: Checkout, runtime: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = checkout.lab(f"{QUICK} --ui --port {port} --runtime {runtime}")
    assert (run.code, run.out) == (3, "")
    assert f"port {port} on 127.0.0.1 cannot be used" in run.err
    assert "--port" in run.err
    assert len(run.err.splitlines()) <= 2


def _stats(port: int) -> dict[str, Any]:
    return json.loads(_get(port, "/stats/requests"))


def _get(port: int, path: str) -> str:
    """The answer of the page, or an empty text."""
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answered:
            return answered.read().decode()
    except OSError:
        return ""


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ("--users 0", "'0' is not a whole number from 1 to 10000"),
        ("--rate 2 --spawn-rate 1", "--spawn-rate"),
        ("--stop-when p98>1", "did you mean p99?"),
        ("--ui --port 70000", "from 1 to 65535"),
        ("--port 8089", "Add --ui"),
        ("--ui --users 3", "--users would have no effect"),
        ("--fail-when response_p99>3", "cannot be measured under a closed load"),
    ],
)
def test_bad_usage_is_reported_and_nothing_starts(checkout: Checkout, options: str, named: str) -> None:
    before = set(checkout.results())
    run = checkout.lab(f"load {options}")
    assert (run.code, run.out) == (2, "")
    assert named in run.err
    assert set(checkout.results()) == before
