"""A restart of the whole server: gunicorn's master kills its workers, stops listening, waits, and starts again."""

import signal
import socket
import time
from typing import Any

from gunicorn.sock import close_sockets, create_sockets

from server.log import log
from server.memory import lock

STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}


def restart(arbiter: Any, away_s: float) -> None:
    """Stop for `away_s` seconds, then listen on the same address; gunicorn then starts the missing workers.

    Raises StopIteration, which ends gunicorn, if a stop signal arrives meanwhile.
    """
    address, family = arbiter.LISTENERS[0].getsockname(), arbiter.LISTENERS[0].FAMILY
    workers = list(arbiter.WORKERS)
    close_sockets(arbiter.LISTENERS)
    arbiter.LISTENERS = []
    with lock():  # no worker dies while it changes the shared state
        arbiter.kill_workers(signal.SIGKILL)
        while arbiter.WORKERS:
            arbiter.reap_workers()
            time.sleep(0.001)
    for worker in workers:
        log("gone", worker=worker)

    # A bound socket keeps the address; connections are refused until it listens.
    reserved = socket.socket(family)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind(address)
    back_s = time.monotonic() + away_s
    while (left_s := back_s - time.monotonic()) > 0:
        if STOP_SIGNALS.intersection(arbiter.wait_for_signals(left_s)):
            raise StopIteration
    arbiter.LISTENERS = create_sockets(arbiter.cfg, arbiter.log, [reserved.detach()])
    arbiter.cfg.when_ready(arbiter)
