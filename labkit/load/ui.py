"""Serve Locust's own page over the lab's server, until the user ends it."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep

from labkit.model.errors import Interrupted, LabError, MachineError
from labkit.model.load import LoadPlan
from labkit.runtime import Runtime
from labkit.runtime.channel import Channel, LineReader
from labkit.runtime.server import Server

PORT = 8089
READY_TIMEOUT_S = 30.0
READY = "Starting web interface"
TRIAL = "locust"  # the trial in the paths that locustfile.py requests


def serve_page(plan: LoadPlan, runtime: Runtime, port: int, note: Callable[[str], None]) -> None:
    """Serve the page on 127.0.0.1:`port`. Raises `Interrupted` when the user ends it, `LabError` if it ended."""
    try:
        runtime.prepare([])
        server = runtime.server(plan.server)
        server.start()
        server.wait_until_ready()
        page = runtime.locust_page(server, port, plan.processes)
        lines = LineReader(page, "Locust")
        page.start()
        lines.start()
        _wait_until_ready(page, lines)
        note(f"Locust's page is on http://127.0.0.1:{port}, with the slow server behind it. Ctrl-C stops both.")
        _watch(page, server, lines)
    except KeyboardInterrupt:
        raise Interrupted("the page, Locust and the server have been stopped") from None


def _wait_until_ready(page: Channel, lines: LineReader) -> None:
    deadline = monotonic() + READY_TIMEOUT_S
    while not any(READY in line for line in lines.last_errors):
        if page.wait(0.05) is not None or monotonic() > deadline:
            lines.join(1.0)
            raise MachineError("Locust's page does not start", lines=lines.last_errors)


def _watch(page: Channel, server: Server, lines: LineReader) -> None:
    while True:
        server.logged_requests(TRIAL, (), 0)  # discarded, because they would fill the memory
        if server.has_ended():
            raise LabError("the slow server ended", lines=server.last_lines)
        if page.wait(0) is not None:
            raise LabError("Locust ended", lines=lines.last_errors)
        sleep(0.5)
