"""Generates one load with Locust: in this process, or as a Locust master with worker processes on this machine.

It runs in the harness: the start signal describes the load, requests are emitted as `Batch` messages, and a `Cease`
message can end the load early.
"""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic_ns
from typing import Any

import gevent
from gevent.event import Event
from gevent.os import tp_read
from locust.runners import MasterRunner

from clients.harness import protocol
from loadtest.work import Work

ROOT = Path(__file__).resolve().parent.parent
CONNECT_PATIENCE_S = 30.0
# The time from the "begin" message to the start of the schedule: enough for the message to reach every worker.
HEAD_START_NS = 100_000_000

logging.getLogger("locust").setLevel(logging.ERROR)  # it warns about starting many users at once, which is intended


class WorkerFailed(RuntimeError):
    """A Locust worker did not connect, or ended before the load; the message describes the cause."""


def main(load: dict[str, Any], emit: Callable[[bytes], object], commands: int) -> None:
    """Run `load`, a `Load` message as a dictionary, to its end. Raises `WorkerFailed`.

    `emit` takes lines of the protocol; `commands` is the file descriptor for a `Cease` message.
    """
    request = protocol.Load(**{name: load[name] for name in protocol.Load._fields})

    def emit_batch(batch: protocol.Batch) -> None:
        emit(protocol.to_line(batch))

    (_run_here if request.processes == 1 else _run_with_workers)(request, emit_batch, commands)


def _run_here(load: protocol.Load, emit: Callable[[protocol.Batch], None], commands: int) -> None:
    work = Work(load, 0, emit)
    runner = work.environment().create_local_runner()
    gevent.spawn(_wait_for_cease, commands, work.cease)
    if load.spawn_rate is not None:  # users start one after another, and the load begins with the first
        work.start(monotonic_ns())
    runner.start(load.users, spawn_rate=load.spawn_rate or load.users)
    if load.spawn_rate is None:
        assert runner.spawning_greenlet is not None
        runner.spawning_greenlet.join()
        work.start(monotonic_ns() + HEAD_START_NS)
    work.finished.wait()
    work.flush()


def _run_with_workers(load: protocol.Load, emit: Callable[[protocol.Batch], None], commands: int) -> None:
    """Let Locust's master distribute the users to workers, which send their batches to the master."""
    environment = Work(load, 0, emit).environment()  # the master only counts its users and never runs them
    master = environment.create_master_runner("127.0.0.1", 0)
    all_finished = Event()
    finished: set[str] = set()

    def on_finished(msg: Any, **_: Any) -> None:
        finished.add(msg.node_id)
        if len(finished) == load.processes:
            all_finished.set()

    master.register_message("batch", lambda msg, **_: emit(protocol.Batch(**msg.data)))
    master.register_message("finished", on_finished)
    with _workers(load, master) as failure:
        gevent.spawn(_wait_for_cease, commands, lambda patience_s: master.send_message("cease", patience_s))
        if load.spawn_rate is not None:
            master.send_message("begin", {"zero_ns": monotonic_ns()})
        master.start(load.users, spawn_rate=load.spawn_rate or load.users)
        if load.spawn_rate is None:
            master.send_message("begin", {"zero_ns": monotonic_ns() + HEAD_START_NS})
        gevent.wait([all_finished, failure], count=1)
        if not all_finished.is_set():
            raise WorkerFailed(failure.get())


@contextmanager
def _workers(load: protocol.Load, master: MasterRunner) -> Iterator[gevent.event.AsyncResult[str]]:
    """Start the workers and wait until they have connected. The yielded result is set if one of them ends too early."""
    failure: gevent.event.AsyncResult[str] = gevent.event.AsyncResult()
    address = ["127.0.0.1", str(master.server.port), json.dumps(load)]
    command = [sys.executable, "-m", "loadtest.worker"]
    started = [subprocess.Popen([*command, *address, str(number)], cwd=ROOT) for number in range(load.processes)]

    def watch(number: int, worker: subprocess.Popen[bytes]) -> None:
        code = worker.wait()
        ending = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exited with code {code}"
        failure.set(f"Locust worker {number} of {load.processes} {ending}")

    watchers = [gevent.spawn(watch, number, worker) for number, worker in enumerate(started, 1)]
    try:
        with gevent.Timeout(CONNECT_PATIENCE_S, WorkerFailed(f"not all workers connected in {CONNECT_PATIENCE_S:g} s")):
            while len(master.clients.ready) < load.processes:
                if failure.ready():
                    raise WorkerFailed(failure.get())
                gevent.sleep(0.01)
        yield failure
    finally:
        gevent.killall(watchers)
        for worker in started:
            worker.kill()
            worker.wait()


def _wait_for_cease(commands: int, cease: Callable[[float], object]) -> None:
    """Call `cease` for each `Cease` message. gevent cannot wait for a pipe, so a thread of its pool reads it."""
    line = b""
    while part := tp_read(commands, 4096):
        line += part
        if line.endswith(b"\n"):
            message = protocol.from_line(line)
            if isinstance(message, protocol.Cease):
                cease(message.patience_s)
            line = b""
