"""`lab.py compare`, end to end, on the real server and real clients of both runtimes."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from shutil import which

import pytest

from labkit.plan.selection import DEFAULT
from tests.acts import failing, free_port, kill_server, servers, wait
from tests.both.conftest import nothing_left
from tests.checkout import Checkout, answer

pytestmark = pytest.mark.slow

QUICK = "--delay 0.2 --requests 4 --limit 2 --no-baseline"


def test_locust_makes_the_last_row_and_is_compared_with_its_counterpart(checkout: Checkout, runtime: str) -> None:
    run = checkout.lab(
        "compare sync asyncio_semaphore --delay 0.2 --requests 7 --limit 2 --repeat 2 "
        f"--runtime {runtime} --format json"
    )
    document = run.document
    assert [row["approach"] for row in document["summary"]] == ["sync", "asyncio_semaphore", "locust"]
    assert document["summary"][-1]["verdict"] in {"baseline", "not ranked: quiet_machine", "not ranked: server_delay"}
    trials = [trial for trial in document["trials"] if trial["approach"] == "locust"]
    assert len(trials) == 2
    for trial in trials:
        assert (trial["outcome"], failing(trial)) == ("ok", set()), (trial["error"], trial["checks"])
        assert (trial["max_in_flight"], trial["ideal_s"]) == (2, pytest.approx(0.8))
        assert sorted(row["id"] for row in trial["requests"]) == [1, 2, 3, 4, 5, 6, 7]
        assert all(row["status"] == 200 and row["bytes"] > 0 for row in trial["requests"])
        for row in trial["requests"]:
            assert row["start_s"] <= row["server"]["start_s"] <= row["server"]["end_s"] <= row["end_s"]
    latencies_ms = [(row["end_s"] - row["start_s"]) * 1000 for trial in trials for row in trial["requests"]]
    assert all(abs(latency_ms - round(latency_ms)) > 1e-5 for latency_ms in latencies_ms), "Locust's are rounded"
    agreement = document["agreement"]
    assert [each["figure"] for each in agreement] == ["median", "p99"]
    for each in agreement:
        assert set(each) > {"server", "load", "asyncio_semaphore", "locust", "ok", "supported"}
        assert each["locust"]["client_s"] >= 0.2
        assert each["locust"]["server_s"] >= 0.2
        assert each["supported"] in {"both", "neither", "asyncio_semaphore", "locust"}


def test_the_baseline_can_be_left_out(checkout: Checkout, runtime: str) -> None:
    document = checkout.lab(f"compare asyncio_semaphore {QUICK} --runtime {runtime} --format json").document
    assert {row["approach"] for row in document["trials"] + document["summary"]} == {"asyncio_semaphore"}
    assert document["agreement"] == []


def test_every_approach_runs(checkout: Checkout, runtime: str) -> None:
    others = [name for name in _shipped() if name not in DEFAULT]
    names = " ".join(others)
    run = checkout.lab(f"compare {names} {QUICK} --runtime {runtime} --format json")
    unavailable = {w["message"].split()[0] for w in run.document["warnings"] if w["code"] == "unavailable"}
    assert {t["approach"] for t in run.document["trials"]} == set(others) - unavailable
    for trial in run.document["trials"]:
        assert (trial["outcome"], failing(trial)) == ("ok", set()), (trial["error"], trial["checks"])
    if runtime == "docker":
        assert unavailable == set()


@pytest.mark.parametrize("worker_class", ["gthread", "gevent", "asgi"])
def test_worker_classes_set_the_slots(checkout: Checkout, runtime: str, worker_class: str) -> None:
    threads = "--worker-threads 2" if worker_class == "gthread" else ""
    run = checkout.lab(
        f"compare asyncio_gather --requests 8 --workers 2 --delay 0.3 --worker-class "
        f"{worker_class} {threads} --no-baseline --runtime {runtime} --format json"
    )
    (trial,) = run.document["trials"]
    assert (trial["outcome"], failing(trial)) == ("ok", set()), trial["checks"]
    slots = 4 if worker_class == "gthread" else 8
    assert trial["server_max_in_flight"] == slots
    assert trial["ideal_s"] == pytest.approx(0.3 * 8 / slots)


def test_a_grid_runs_every_possible_combination(checkout: Checkout, runtime: str) -> None:
    run = checkout.lab(
        "compare sync threads --requests 2,3 --limit 2,3 --workers 1,2 --delay 0.1 --no-baseline "
        f"--runtime {runtime} --format json"
    )
    points = [(t["server"]["workers"], t["load"]["requests"], t["load"]["limit"]) for t in run.document["trials"]]
    assert {point: points.count(point) for point in points} == {
        (workers, requests, limit): 2
        for workers in (1, 2)
        for requests in (2, 3)
        for limit in (2, 3)
        if limit <= requests
    }
    assert any(w["code"] == "left_out" and "limit 3 with 2 requests" in w["message"] for w in run.document["warnings"])
    assert all(t["outcome"] == "ok" for t in run.document["trials"])
    for trial in run.document["trials"]:
        assert len({row["server"]["worker"] for row in trial["requests"]}) <= trial["server"]["workers"]


def test_bad_approaches_are_detected_and_the_others_run(checkout: Checkout, runtime: str) -> None:
    bad = "skips repeats swaps nothing greedy raises exits killed hangs noisy"
    run = checkout.lab(f"compare {bad} sync {QUICK} --trial-timeout 4 --runtime {runtime} --format json")
    assert run.code == 1, run.err
    trials = {t["approach"]: t for t in run.document["trials"]}
    assert set(trials) == {*bad.split(), "sync"}
    assert trials["sync"]["outcome"] == "ok"
    assert failing(trials["sync"]) == set()
    assert "accounted" in failing(trials["skips"])
    assert "accounted" in failing(trials["repeats"])
    assert failing(trials["swaps"]) == {"body_order"}
    assert "accounted" in failing(trials["nothing"])
    assert failing(trials["greedy"]) == {"limit"}
    assert trials["raises"]["outcome"] == "failed"
    assert "ValueError: on purpose (clients/raises.py, line 2)" in trials["raises"]["error"]
    assert (trials["exits"]["outcome"], trials["exits"]["error"]) == ("crashed", "exited with code 7")
    assert "last words" in trials["exits"]["last_lines"]
    assert (trials["killed"]["outcome"], trials["killed"]["error"]) == ("crashed", "killed by SIGKILL")
    assert (trials["hangs"]["outcome"], trials["hangs"]["error"]) == ("timeout", "not done after 4 s")
    assert trials["noisy"]["outcome"] == "ok"
    assert failing(trials["noisy"]) == set()


def test_the_server_dies_during_a_trial(checkout: Checkout, runtime: str) -> None:
    with checkout.start(
        f"compare sync threads --requests 6 --delay 1 --workers 2 --no-baseline --runtime {runtime} --format json"
    ) as process:
        wait(lambda: servers(checkout, runtime))
        time.sleep(2.0 if runtime == "local" else 4.0)  # into the first trial
        kill_server(checkout, runtime)
        run = answer(process)
    assert run.code == 1, run.err
    first, second = run.document["trials"]
    assert first["outcome"] == "crashed"
    assert "the slow server ended during the trial" in first["error"]
    assert (second["outcome"], failing(second)) == ("ok", set())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("after_s", [0.0, 0.3, 0.8, 1.5, 3.5])
def test_an_interruption_at_any_moment_keeps_finished_trials_and_leaves_nothing(
    checkout: Checkout, runtime: str, number: int, after_s: float
) -> None:
    before, runs = set(checkout.results()), checkout.root / ".lab" / "runs"
    killed = set(runs.glob("*"))  # other tests kill labs, which then leave their files
    with checkout.start(
        f"compare sync threads asyncio_gather --requests 3 --delay 0.5 --repeat 5 --runtime {runtime} --format json"
    ) as process:
        wait(lambda: set(runs.glob("*")) - killed)
        time.sleep(after_s)
        process.send_signal(number)
        run = answer(process)
    assert run.code == 130, run.err
    assert "Traceback" not in run.err
    new = set(checkout.results()) - before
    if run.out:
        trials = run.document["trials"]
        assert trials
        (folder,) = new
        assert len((folder / "trials.jsonl").read_text("utf-8").splitlines()) == len(trials)
    else:
        assert new == set()


@pytest.mark.docker
@pytest.mark.parametrize("after_s", [0.2, 0.23, 0.25, 0.26, 0.27, 0.28, 0.3])
def test_an_interruption_while_compose_creates_leaves_nothing(
    checkout: Checkout, tmp_path: Path, after_s: float
) -> None:
    """The engine continues to create a container even after Compose has been interrupted."""
    began = tmp_path / "began"
    command = tmp_path / "docker"
    command.write_text(
        f'#!/bin/sh\ncase "$*" in *" create "*) touch {began};; esac\nexec {which("docker")} "$@"\n', encoding="utf-8"
    )
    command.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    with checkout.start(f"compare sync threads asyncio_gather {QUICK} --runtime docker", PATH=path) as process:
        wait(began.exists)
        time.sleep(after_s)
        process.send_signal(signal.SIGINT)
        run = answer(process)
    assert run.code == 130, run.err
    time.sleep(0.5)  # the engine may still create a container
    nothing_left(checkout)


def test_the_next_run_removes_the_leftovers_of_a_killed_one(checkout: Checkout, runtime: str) -> None:
    with checkout.start(f"compare sync --requests 5 --delay 1 --runtime {runtime}") as process:
        wait(lambda: servers(checkout, runtime))
        time.sleep(2)
        process.kill()
    run = checkout.lab(f"compare threads {QUICK} --runtime {runtime} --format json")
    assert run.document["trials"][0]["outcome"] == "ok"


def test_two_labs_run_concurrently(checkout: Checkout, runtime: str) -> None:
    command = f"compare threads sync {QUICK} --runtime {runtime} --format json"
    with checkout.start(command) as one, checkout.start(command) as other:
        documents = [answer(one).document, answer(other).document]
    assert documents[0]["id"] != documents[1]["id"]
    for trial in [trial for document in documents for trial in document["trials"]]:
        assert (trial["outcome"], failing(trial)) == ("ok", set()), trial["checks"]


def test_up_serves_other_clients(checkout: Checkout, runtime: str) -> None:
    from urllib.request import urlopen  # noqa: PLC0415

    port = str(free_port())
    up = checkout.lab(f"up --runtime {runtime} --port {port} --delay 0.1 --workers 2")
    try:
        assert up.code == 0, up.err
        with urlopen(f"http://127.0.0.1:{port}/hello", timeout=5) as response:
            assert response.read().startswith(b"hello ")
        again = checkout.lab(f"up --runtime {runtime} --port {port}")
        assert again.code == 3
        assert "up already" in again.err
    finally:
        down = checkout.lab("down")
    assert down.code == 0
    assert port in down.out
    assert "No server" in checkout.lab("down").out


def _shipped() -> list[str]:
    from clients.harness import catalogue  # noqa: PLC0415

    return list(catalogue.names())


def test_handling_costs_the_requested_time(checkout: Checkout, runtime: str) -> None:
    names = " ".join(_shipped())
    run = checkout.lab(
        f"compare {names} --no-baseline --requests 4 --limit 2 --delay 0.1 --handle-ms 30 "
        f"--runtime {runtime} --format json"
    )
    trials = run.document["trials"]
    assert {trial["outcome"] for trial in trials} == {"ok"}
    for trial in trials:
        assert failing(trial) == set(), (trial["approach"], trial["checks"])
        assert trial["load"]["handle_s"] == 0.03
        assert trial["cpu_s"] >= 4 * 0.03, trial["approach"]
        assert trial["makespan_s"] >= trial["ideal_s"]
