"""Makes one load with Locust: in this process, or as a Locust master over worker processes on this machine.

It runs in the harness: the start signal says what to do, each `Batch` is told as a line of the protocol, and a `Cease`
may come on the way.
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
# From the word to begin until arrivals are timed: enough for every user to be there, and for it to reach every worker.
HEAD_START_NS = 100_000_000

logging.getLogger("locust").setLevel(logging.ERROR)  # it warns of starting many users at once, which is the point


class WorkerGone(RuntimeError):
    """A Locust worker did not come, or ended before the load did; the message says which, and how."""


def main(load: dict[str, Any], tell: Callable[[bytes], object], commands: int) -> None:
    """Make `load`, a `Load` as plain data, to its end. Raises `WorkerGone`.

    `tell` takes lines of the protocol, `commands` is the descriptor on which a `Cease` may come.
    """
    wanted = protocol.Load(**{name: load[name] for name in protocol.Load._fields})

    def take(batch: protocol.Batch) -> None:
        tell(protocol.to_line(batch))

    (_alone if wanted.processes == 1 else _with_workers)(wanted, take, commands)


def _alone(load: protocol.Load, take: Callable[[protocol.Batch], None], commands: int) -> None:
    work = Work(load, 0, take)
    runner = work.environment().create_local_runner()
    gevent.spawn(_obey, commands, work.cease)
    if load.spawn_rate is not None:  # users come one after another, and are under way from the first on
        work.start(monotonic_ns())
    runner.start(load.users, spawn_rate=load.spawn_rate or load.users)
    if load.spawn_rate is None:
        assert runner.spawning_greenlet is not None
        runner.spawning_greenlet.join()
        work.start(monotonic_ns() + HEAD_START_NS)
    work.finished.wait()
    work.tell_the_rest()


def _with_workers(load: protocol.Load, take: Callable[[protocol.Batch], None], commands: int) -> None:
    """Locust's master gives users to the workers; what is new is that they send it their batches besides."""
    environment = Work(load, 0, take).environment()  # the master's users are counted, and never run
    master = environment.create_master_runner("127.0.0.1", 0)
    over = Event()
    finished: set[str] = set()

    def on_finished(msg: Any, **_: Any) -> None:
        finished.add(msg.node_id)
        if len(finished) == load.processes:
            over.set()

    master.register_message("batch", lambda msg, **_: take(protocol.Batch(**msg.data)))
    master.register_message("finished", on_finished)
    with _workers(load, master) as gone:
        gevent.spawn(_obey, commands, lambda patience_s: master.send_message("cease", patience_s))
        if load.spawn_rate is not None:
            master.send_message("begin", {"zero_ns": monotonic_ns()})
        master.start(load.users, spawn_rate=load.spawn_rate or load.users)
        if load.spawn_rate is None:
            master.send_message("begin", {"zero_ns": monotonic_ns() + HEAD_START_NS})
        gevent.wait([over, gone], count=1)
        if not over.is_set():
            raise WorkerGone(gone.get())


@contextmanager
def _workers(load: protocol.Load, master: MasterRunner) -> Iterator[gevent.event.AsyncResult[str]]:
    """Start the workers and wait until the master knows them. Yields what tells if one of them ends too early."""
    gone: gevent.event.AsyncResult[str] = gevent.event.AsyncResult()
    address = ["127.0.0.1", str(master.server.port), json.dumps(load)]
    command = [sys.executable, "-m", "loadtest.worker"]
    started = [subprocess.Popen([*command, *address, str(number)], cwd=ROOT) for number in range(load.processes)]

    def watch(number: int, worker: subprocess.Popen[bytes]) -> None:
        code = worker.wait()
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exited with code {code}"
        gone.set(f"Locust worker {number} of {load.processes} {how}")

    watching = [gevent.spawn(watch, number, worker) for number, worker in enumerate(started, 1)]
    try:
        with gevent.Timeout(CONNECT_PATIENCE_S, WorkerGone(f"not all workers came in {CONNECT_PATIENCE_S:g} s")):
            while len(master.clients.ready) < load.processes:
                if gone.ready():
                    raise WorkerGone(gone.get())
                gevent.sleep(0.01)
        yield gone
    finally:
        gevent.killall(watching)
        for worker in started:
            worker.kill()
            worker.wait()


def _obey(commands: int, cease: Callable[[float], object]) -> None:
    """Take a `Cease` when it comes. In a thread of its own, because a descriptor of a pipe may not be waited for."""
    line = b""
    while part := tp_read(commands, 4096):
        line += part
        if line.endswith(b"\n"):
            message = protocol.from_line(line)
            if isinstance(message, protocol.Cease):
                cease(message.patience_s)
            line = b""
