"""`lab.py compare --trace` and `lab.py trace`, on the real server in both runtimes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.acts import free_port
from tests.checkout import Answer, Checkout

pytestmark = pytest.mark.slow

THREADS = """
import sys
from concurrent.futures import ThreadPoolExecutor
import requests

def get(number):
    return requests.get(sys.argv[1]).text

with ThreadPoolExecutor(3) as pool:
    print(len(list(pool.map(get, range(int(sys.argv[2]))))), "answers")
"""
TASKS = """
import asyncio, sys
import aiohttp

async def main():
    async with aiohttp.ClientSession() as session:
        async def get():
            async with session.get(sys.argv[1]) as response:
                return await response.text()
        await asyncio.gather(*(get() for _ in range(int(sys.argv[2]))))

asyncio.run(main())
"""


def states(trial: dict[str, Any], kind: str) -> set[str]:
    return {span[0] for lane in trial["trace"]["lanes"] if lane["kind"] == kind for span in lane["spans"]}


def test_traced_trials_are_additional_and_not_ranked(checkout: Checkout, runtime: str) -> None:
    names = "threads asyncio_semaphore process_pool"
    run = checkout.lab(
        f"compare {names} --no-baseline --requests 4 --limit 2 --delay 0.3 --handle-ms 40 --trace "
        f"--runtime {runtime} --format json"
    )
    document = run.document
    traced = {trial["approach"]: trial for trial in document["trials"] if trial["traced"]}
    assert sorted(traced) == sorted(names.split())
    assert len(document["trials"]) == 6
    assert {row["trials"] for row in document["summary"]} == {1}
    for trial in traced.values():
        assert trial["outcome"] == "ok", trial["error"]
        assert {"running", "io"} <= states(trial, "thread")
        for lane in trial["trace"]["lanes"]:
            edges = [edge for _, start_s, end_s, _ in lane["spans"] for edge in (start_s, end_s)]
            assert edges == sorted(edges)
    assert "gil" in states(traced["threads"], "thread")
    assert {"running", "ready", "io"} <= states(traced["asyncio_semaphore"], "task")
    lanes = {lane["name"] for lane in traced["threads"]["trace"]["lanes"]}
    assert {row["lane"] for row in traced["threads"]["requests"]} <= lanes
    (folder,) = [each for each in checkout.results() if each.name == document["id"]]
    assert "waiting for the GIL" in (folder / "report.html").read_text("utf-8")


def trace(
    checkout: Checkout, tmp_path: Path, runtime: str, source: str, *arguments: str
) -> tuple[Answer, dict[str, Any]]:
    script = tmp_path / "client.py"
    script.write_text(source, encoding="utf-8")
    port = free_port()
    before = set(checkout.results())
    url = f"http://localhost:{port}"
    run = checkout.lab(f"trace --runtime {runtime} --port {port} --delay 0.2 {script} {url} {' '.join(arguments)}")
    new = set(checkout.results()) - before
    document = json.loads((new.pop() / "result.json").read_text("utf-8")) if new else {}
    return run, document


@pytest.mark.parametrize(("source", "kind"), [(THREADS, "thread"), (TASKS, "task")], ids=["threads", "tasks"])
def test_a_script_is_traced_unchanged(checkout: Checkout, tmp_path: Path, runtime: str, source: str, kind: str) -> None:
    run, document = trace(checkout, tmp_path, runtime, source, "5")
    (trial,) = document["trials"]
    assert (document["mode"], trial["approach"], trial["outcome"]) == ("trace", "client.py", "ok"), run.err
    assert len(trial["requests"]) == 5
    for row in trial["requests"]:
        assert row["start_s"] <= row["server"]["start_s"] <= row["server"]["end_s"] <= row["end_s"]
    assert {"running", "io"} <= states(trial, kind)
    assert "client.py: 5 requests in" in run.out
    again = checkout.lab(f"report {document['id']} --format json")
    assert {**again.document, "warnings": []} == {**document, "warnings": []}
    assert "client.py" in checkout.lab(f"report {document['id']} --format table").out


def test_the_output_of_a_script_is_shown(checkout: Checkout, tmp_path: Path, runtime: str) -> None:
    assert "3 answers" in trace(checkout, tmp_path, runtime, THREADS, "3")[0].out


@pytest.mark.parametrize(
    ("source", "message"),
    [("raise ValueError('on purpose')", "ValueError: on purpose"), ("import sys; sys.exit(3)", "exit code 3")],
)
def test_a_failed_script_is_reported(
    checkout: Checkout, tmp_path: Path, runtime: str, source: str, message: str
) -> None:
    run, document = trace(checkout, tmp_path, runtime, source)
    assert run.code == 1
    assert message in run.err
    assert document["trials"][0]["outcome"] == "failed"


def test_a_missing_script_is_reported(checkout: Checkout, runtime: str) -> None:
    run = checkout.lab(f"trace --runtime {runtime} nowhere.py")
    assert run.code == 2
    assert "nowhere.py" in run.err
