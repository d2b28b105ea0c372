"""An approach on its own: under the harness, and as plain code that calls its `main`."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import Any

from benchmarks.support.model import BenchmarkError
from benchmarks.support.processes import child, failure
from clients.harness import catalogue
from clients.harness.protocol import Trial, to_line

SIX = ("sync", "threads", "thread_pool", "asyncio_gather", "asyncio_semaphore", "process_pool")
TRIAL_LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Measured:
    """One trial as the harness reports it, in seconds; `answered` counts the requests with status 200."""

    cold_start_s: float
    makespan_s: float
    answered: int


def urls(server: str, requests: int) -> tuple[str, ...]:
    """The addresses of `requests` requests to `server`."""
    return tuple(f"{server}/benchmark/{number}" for number in range(1, requests + 1))


def under_harness(approach: str, addresses: tuple[str, ...], limit: int) -> Measured:
    """Run one trial of the approach under the harness. Raises `BenchmarkError` for any outcome but "ok"."""
    trial = Trial(addresses, limit, timeout_s=None, trial_timeout_s=TRIAL_LIMIT_S)
    command = [sys.executable, "-m", "clients.harness", approach, "--protocol"]
    with tempfile.TemporaryFile() as errors:
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": errors}
        with child(command, 2 * TRIAL_LIMIT_S, **streams) as harness:
            messages = converse(harness, to_line(trial))
        if not messages or messages[-1].get("outcome") != "ok":
            raise BenchmarkError(failure(command, harness.returncode, errors))
    ready, done = messages[0], messages[-1]
    return Measured(
        cold_start_s=ready["cold_start_s"],
        makespan_s=(done["end_ns"] - done["start_ns"]) / 1e9,
        answered=sum(message["event"] == "request" and message["status"] == 200 for message in messages),
    )


def converse(harness: subprocess.Popen[bytes], trial: bytes) -> list[dict[str, Any]]:
    """Send the harness its trial; returns all messages, of which the last is `done` if the trial ended."""
    assert harness.stdin is not None
    assert harness.stdout is not None
    messages = [json.loads(harness.stdout.readline() or b"{}")]
    if messages[0].get("event") != "ready":
        return messages
    harness.stdin.write(trial)
    harness.stdin.flush()
    for line in harness.stdout:
        messages.append(json.loads(line))
        if messages[-1]["event"] == "done":
            break
    harness.stdin.close()
    harness.wait()
    return messages


def call(approach: str, addresses: tuple[str, ...], limit: int) -> str:
    """Python code that calls the approach's `main` with the arguments that its signature names."""
    offered = {"limit": str(limit), "handle": "str"}  # str returns a body unchanged, and can be pickled
    keywords = catalogue.read(approach).keywords
    arguments = ", ".join([repr(list(addresses)), *(f"{key}={offered[key]}" for key in offered if key in keywords)])
    source = (catalogue.FOLDER / f"{approach}.py").read_text("utf-8")
    return f"asyncio.run(main({arguments}))" if "async def main" in source else f"main({arguments})"
