"""The slow server on this machine, as `lab.py up` starts it, for the clients that the lab does not start itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from benchmarks.support.model import BenchmarkError
from benchmarks.support.processes import child
from labkit.model import ServerConfig
from labkit.runtime.server import server_environment

START_PATIENCE_S = 30.0
LIMIT_S = 600.0


@contextmanager
def slow_server(config: ServerConfig) -> Iterator[str]:
    """The address of a server on a free port. Its log goes to a file that nothing reads once the server is ready.

    The guard stops the server even if this process is killed: its standard input ends then.
    """
    command = [sys.executable, "-m", "labkit.runtime.guard"]
    command += [sys.executable, "-m", "gunicorn", "-c", "server/gunicorn.conf.py"]
    environment = {**os.environ, **server_environment(config)}
    with tempfile.NamedTemporaryFile() as log:
        streams = {"stdin": subprocess.PIPE, "stdout": log, "stderr": subprocess.DEVNULL}
        with child(command, LIMIT_S, env=environment, **streams) as process:
            yield f"http://{_wait(process, Path(log.name), config.workers)}"


def _wait(process: subprocess.Popen[bytes], log: Path, workers: int) -> str:
    deadline = monotonic() + START_PATIENCE_S
    while process.poll() is None and monotonic() < deadline:
        events = [json.loads(line) for line in log.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
        if sum(event["event"] == "worker" for event in events) == workers:
            return next(str(event["address"]) for event in events if event["event"] == "listening")
        sleep(0.02)
    raise BenchmarkError(f"the slow server was not ready after {START_PATIENCE_S:g} s")
