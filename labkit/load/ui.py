"""Locust's own page over the lab's server, until a person ends it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic, sleep

from labkit.load.display import make_display
from labkit.model.errors import Interrupted, LabError, MachineError
from labkit.model.load import LoadPlan
from labkit.runtime import Runtime
from labkit.runtime.channel import Channel, LineReader
from labkit.runtime.choose import choose
from labkit.runtime.server import Server
from labkit.system import runs
from labkit.system.interrupts import ignore_interrupts
from labkit.system.ports import require_free

PORT = 8089
READY_TIMEOUT_S = 30.0
READY = "Starting web interface"
BY_HAND = "locust"  # the trial that locustfile.py names in its paths


def run(plan: LoadPlan, wanted: str, port: int) -> int:
    """Serve the page on 127.0.0.1:`port`. Raises `Interrupted` when a person has ended it, `LabError` if it ended."""
    require_free(port, "Choose another with --port.")
    run_id = runs.new_run(datetime.now(UTC))
    with runs.running(run_id), make_display() as display:
        runtime, _ = choose(wanted, runs.project(run_id), display.note)
        try:
            _serve(plan, runtime, port, display.note)
        except KeyboardInterrupt:
            raise Interrupted("the page, Locust and the server have been stopped") from None
        finally:
            with ignore_interrupts():
                runtime.close()
    return 0


def _serve(plan: LoadPlan, runtime: Runtime, port: int, note: Callable[[str], None]) -> None:
    runtime.prepare([])
    server = runtime.server(plan.server)
    server.start()
    server.wait_until_ready()
    page = runtime.locust_page(server, port, plan.processes)
    lines = LineReader(page, "Locust")
    page.start()
    lines.start()
    deadline = monotonic() + READY_TIMEOUT_S
    while not any(READY in line for line in lines.last_errors):
        if page.wait(0.05) is not None or monotonic() > deadline:
            lines.join(1.0)
            raise MachineError("Locust's page does not start", lines=lines.last_errors)
    note(f"Locust's page is on http://127.0.0.1:{port}, the slow server behind it. Ctrl-C stops all.")
    _watch(page, server, lines)


def _watch(page: Channel, server: Server, lines: LineReader) -> None:
    while True:
        server.logged_requests(BY_HAND, (), 0)  # nobody wants them, but they must not pile up
        if server.has_ended():
            raise LabError("the slow server ended", lines=server.last_lines)
        if page.wait(0) is not None:
            raise LabError("Locust ended", lines=lines.last_errors)
        sleep(0.5)
