"""Handlers of bodies: they return the body and take the configured CPU time."""

from __future__ import annotations

import pickle
import threading
from time import thread_time

import pytest

from clients.harness.handlers import make_handler


@pytest.mark.parametrize("cost_s", [0.0, 0.005])
@pytest.mark.parametrize("body", ["text", b"bytes", None])
def test_a_pickled_handler_returns_the_body(cost_s, body):
    assert pickle.loads(pickle.dumps(make_handler(cost_s)))(body) is body


@pytest.mark.parametrize("threads", [1, 3])
def test_each_thread_uses_its_own_cpu_time(threads):
    cpu_s = []

    def work():
        before = thread_time()
        make_handler(0.020)("body")
        cpu_s.append(thread_time() - before)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(cpu_s) == threads
    assert all(0.020 <= each < 0.1 for each in cpu_s)
