"""Actions of end-to-end tests on a running lab, and observations of it from outside."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

import psutil

from tests.checkout import Checkout, docker

PATIENCE_S = 60.0
# Checks that fail when the machine is busy, not when the lab or an approach is wrong.
BUSY = {"quiet_machine", "server_delay", "littles_law"}


def failing(trial: dict[str, Any]) -> set[str]:
    """The names of the checks that failed, except those that judge how busy the machine is."""
    return {check["name"] for check in trial["checks"] if check["ok"] is False} - BUSY


def wait(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pids(checkout: Checkout, *words: str) -> list[int]:
    """The processes of the checkout on this machine whose command line has all these words."""
    return [process.pid for process in checkout.processes() if all(word in command(process) for word in words)]


def command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def containers(checkout: Checkout, service: str) -> list[str]:
    """The running containers of a service of the checkout."""
    return docker(
        "ps",
        "--quiet",
        "--filter",
        f"label=com.docker.compose.project.working_dir={checkout.root}",
        "--filter",
        f"label=com.docker.compose.service={service}",
    )


def servers(checkout: Checkout, runtime: str) -> list[str]:
    """The processes of the slow server, or its containers."""
    if runtime == "docker":
        return containers(checkout, "server")
    guarded = pids(checkout, "labkit.runtime.guard")
    return [str(pid) for pid in pids(checkout, "gunicorn") if pid not in guarded]


def kill_server(checkout: Checkout, runtime: str) -> None:
    for each in servers(checkout, runtime):
        if runtime == "local":
            os.kill(int(each), signal.SIGKILL)
        else:
            docker("kill", each)
