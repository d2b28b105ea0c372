"""The standing server: what `up` starts and leaves running, and `down` stops."""

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
from labkit.runtime.server import READY_PATIENCE_S, server_environment
from labkit.system import checkout, runs
from labkit.system.locks import take
from labkit.system.ports import require_free

STATE = runs.UP_STATE
LOG = checkout.ROOT / ".lab" / "up.log"


@dataclass(frozen=True, slots=True)
class Standing:
    """A server that is up. `pid` and `created` identify the local one's process, and are 0 with Docker."""

    runtime: str
    port: int
    pid: int = 0
    created: float = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def find() -> Standing | None:
    """The server that is up, or None. Raises `EngineGone` or `MachineError` when its engine does not answer."""
    try:
        standing = Standing(**json.loads(STATE.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    if standing.runtime == "local":
        return standing if _process(standing) is not None else None
    return standing if Engine().containers(runs.project(runs.UP)) else None


def start(config: ServerConfig, port: int, runtime: str, note: Callable[[str], None]) -> Standing:
    """Start a server on 127.0.0.1:`port`. Raises `MachineError`, and leaves nothing then."""
    require_free(port, f"Choose another, as in `python lab.py up --port {port % 65535 + 1}`.")
    STATE.parent.mkdir(exist_ok=True)
    with (STATE.parent / "up.lock").open("a", encoding="utf-8") as turn:
        if not take(turn.fileno()):
            raise MachineError("another `up` is starting a server just now", "Wait for it, then try again.")
        chosen, _ = choose(runtime, runs.project(runs.UP), note)
        if isinstance(chosen, DockerRuntime):
            try:
                chosen.stand(config, port)
                return _remember(Standing("docker", port))
            except BaseException:
                chosen.close()
                raise
        process = _start_process(config, port)
        try:
            _wait_for_workers(process, config.workers)
            return _remember(Standing("local", port, process.pid, psutil.Process(process.pid).create_time()))
        except BaseException:
            _kill(process.pid)
            process.wait()
            raise


def stop() -> Standing | None:
    """Stop the server that is up; returns which it was. Raises `MachineError` when its engine does not answer."""
    standing = find()
    if standing is not None and standing.runtime == "docker":
        Engine().remove_project(runs.project(runs.UP))
    elif standing is not None:
        _kill(standing.pid)
    STATE.unlink(missing_ok=True)
    return standing


def _remember(standing: Standing) -> Standing:
    STATE.write_text(json.dumps(asdict(standing)), encoding="utf-8")
    return standing


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
    deadline = monotonic() + READY_PATIENCE_S
    while LOG.read_bytes().count(b'"event":"worker"') < workers:
        if process.poll() is not None or monotonic() > deadline:
            lines = LOG.read_text("utf-8", errors="replace").splitlines()
            raise MachineError("the slow server did not come up", lines=tuple(lines[-5:]))
        sleep(0.05)


def _process(standing: Standing) -> psutil.Process | None:
    with suppress(psutil.Error):
        process = psutil.Process(standing.pid)
        # The time is derived from that of the boot, which moves a little when the clock is set.
        same = abs(process.create_time() - standing.created) < 2 and "gunicorn" in " ".join(process.cmdline())
        if same and process.status() != psutil.STATUS_ZOMBIE:
            return process
    return None
