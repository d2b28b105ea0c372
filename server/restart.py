"""The whole server goes away for a while: gunicorn's master kills its workers, stops listening, and starts anew."""

import signal
import socket
import time
from typing import Any

from gunicorn.sock import close_sockets, create_sockets

from server.log import log
from server.memory import lock

ENDING = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}


def restart(arbiter: Any, away_s: float) -> None:
    """Go away for `away_s` seconds, and come back at the same address; gunicorn then sees that it lacks workers.

    Raises StopIteration, which ends gunicorn, when it is told to end meanwhile.
    """
    address, family = arbiter.LISTENERS[0].getsockname(), arbiter.LISTENERS[0].FAMILY
    workers = list(arbiter.WORKERS)
    close_sockets(arbiter.LISTENERS)
    arbiter.LISTENERS = []
    with lock():  # none dies while it changes the memory
        arbiter.kill_workers(signal.SIGKILL)
        while arbiter.WORKERS:
            arbiter.reap_workers()
            time.sleep(0.001)
    for worker in workers:
        log("gone", worker=worker)

    # Bound, so that nobody else gets the address; but whoever connects is refused until it listens.
    reserved = socket.socket(family)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind(address)
    back_s = time.monotonic() + away_s
    while (left_s := back_s - time.monotonic()) > 0:
        if ENDING.intersection(arbiter.wait_for_signals(left_s)):
            raise StopIteration
    arbiter.LISTENERS = create_sockets(arbiter.cfg, arbiter.log, [reserved.detach()])
    arbiter.cfg.when_ready(arbiter)
