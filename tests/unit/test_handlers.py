"""What a body goes through: it stays the same, and costs what was asked for."""

from __future__ import annotations

import pickle
import threading
from time import thread_time

import pytest

from clients.harness.handlers import make_handler


@pytest.mark.parametrize("cost_ms", [0.0, 5.0])
@pytest.mark.parametrize("body", ["text", b"bytes", None])
def test_the_body_stays_as_it_is_in_another_process_too(cost_ms, body):
    assert pickle.loads(pickle.dumps(make_handler(cost_ms)))(body) is body


@pytest.mark.parametrize("threads", [1, 3])
def test_each_thread_spends_its_own_processor_time(threads):
    spent_s = []

    def work():
        before = thread_time()
        make_handler(20.0)("body")
        spent_s.append(thread_time() - before)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(spent_s) == threads
    assert all(0.020 <= each < 0.1 for each in spent_s)
