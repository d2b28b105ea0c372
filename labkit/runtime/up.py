"""The server that `lab.py up` starts and leaves running, and `lab.py down` stops."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from time import monotonic, sleep

import psutil

from labkit.model import ServerConfig
from labkit.model.errors import MachineError
from labkit.runtime.choose import choose
from labkit.runtime.docker import DockerRuntime
from labkit.runtime.engine import Engine
from labkit.runtime.server import READY_TIMEOUT_S, server_environment
from labkit.system import checkout, runs
from labkit.system.locks import try_lock
from labkit.system.ports import require_free

LOG = checkout.STATE / "up.log"


@dataclass(frozen=True, slots=True)
class UpServer:
    """A server that `up` started. `pid` and `created` identify the process of a local one; with Docker they are 0."""

    runtime: str
    port: int
    pid: int = 0
    created: float = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def save(self) -> None:
        runs.UP_STATE.write_text(json.dumps(asdict(self)), encoding="utf-8")

    def process(self) -> psutil.Process | None:
        """The process of a local server, if it is running."""
        with suppress(psutil.Error):
            process = psutil.Process(self.pid)
            # The system derives the start time from the time of boot, which moves a little when the clock is set.
            same = abs(process.create_time() - self.created) < 2 and "gunicorn" in " ".join(process.cmdline())
            if same and process.status() != psutil.STATUS_ZOMBIE:
                return process
        return None


def find() -> UpServer | None:
    """The server that is up, or None. Raises `EngineGone` or `MachineError` if its engine does not answer."""
    try:
        server = UpServer(**json.loads(runs.UP_STATE.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    up = server.process() if server.runtime == "local" else Engine().containers(runs.project(runs.UP))
    return server if up else None


def start(config: ServerConfig, port: int, runtime_name: str, note: Callable[[str], None]) -> UpServer:
    """Start a server on 127.0.0.1:`port`. Raises `MachineError`, and then leaves nothing behind."""
    require_free(port, f"Choose another, as in `python lab.py up --port {port % 65535 + 1}`.")
    checkout.STATE.mkdir(exist_ok=True)
    with (checkout.STATE / "up.lock").open("a", encoding="utf-8") as lock:
        if not try_lock(lock.fileno()):
            raise MachineError("another `up` is starting a server now", "Wait for it, then try again.")
        runtime, _ = choose(runtime_name, runs.project(runs.UP), note)
        if isinstance(runtime, DockerRuntime):
            try:
                runtime.start_published(config, port)
                server = UpServer("docker", port)
                server.save()
            except BaseException:
                runtime.close()
                raise
            return server
        process = _start_process(config, port)
        try:
            _wait_for_workers(process, config.workers)
            server = UpServer("local", port, process.pid, psutil.Process(process.pid).create_time())
            server.save()
        except BaseException:
            _kill(process.pid)
            process.wait()
            raise
        return server


def stop() -> UpServer | None:
    """Stop the server that is up, and return it. Raises `MachineError` if its engine does not answer."""
    server = find()
    if server is not None and server.runtime == "docker":
        Engine().remove_project(runs.project(runs.UP))
    elif server is not None:
        _kill(server.pid)
    runs.UP_STATE.unlink(missing_ok=True)
    return server


def _kill(session: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(session, signal.SIGKILL)


def _start_process(config: ServerConfig, port: int) -> subprocess.Popen[bytes]:
    with LOG.open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-c", "server/gunicorn.conf.py"],
            cwd=checkout.ROOT,
            env={**os.environ, **server_environment(config, f"127.0.0.1:{port}")},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _wait_for_workers(process: subprocess.Popen[bytes], workers: int) -> None:
    deadline = monotonic() + READY_TIMEOUT_S
    while LOG.read_bytes().count(b'"event":"worker"') < workers:
        if process.poll() is not None or monotonic() > deadline:
            lines = LOG.read_text("utf-8", errors="replace").splitlines()
            raise MachineError("the slow server did not start", lines=tuple(lines[-5:]))
        sleep(0.05)
