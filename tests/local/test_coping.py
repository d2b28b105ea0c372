"""The robust approaches: which requests they retry, and what they return for failures.

Approaches that take a timeout are robust. Those that take a rate know it; the others find it.
"""

from __future__ import annotations

import socket
import time
from collections import Counter, defaultdict
from threading import Event, Lock, Thread

import pytest

from clients.harness import catalogue
from labkit.analysis.statistics import most_at_once
from tests.harness_driver import Lab, answering, hangs, resets, sends

pytestmark = pytest.mark.slow

COPING = {name: catalogue.read(name).keywords for name in catalogue.names()}
COPING = {name: keywords for name, keywords in COPING.items() if "timeout" in keywords}
each_coping = pytest.mark.parametrize("name", COPING)
each_knowing_the_rate = pytest.mark.parametrize("name", [name for name in COPING if "rate" in COPING[name]])
each_finding_the_rate = pytest.mark.parametrize("name", [name for name in COPING if "rate" not in COPING[name]])

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
ATTEMPTS = 4


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return Lab.copy_to(tmp_path_factory.mktemp("lab"))


def answers(connection, number):
    connection.sendall(ANSWER % len(number) + number)


def says(status, *headers):
    """A server that answers with this status and these headers, and no body."""
    lines = [f"HTTP/1.1 {status}", "Content-Length: 0", "Connection: close", *headers]
    return sends("".join(f"{line}\r\n" for line in (*lines, "")).encode())


def cuts(connection, number):
    connection.sendall(ANSWER % 100 + number)
    time.sleep(0.05)  # or the reset would overtake what was sent
    resets(connection, number)


def by_id(**ways):
    """A server that reacts to attempt k at request N with the k-th of ``rN``, or the last; to others with an answer."""
    attempts, lock = Counter(), Lock()

    def answer(connection, number):
        with lock:
            attempts[number] += 1
            attempt = attempts[number]
        mine = ways.get(f"r{number.decode()}", (answers,))
        mine[min(attempt, len(mine)) - 1](connection, number)

    return answer


def run(lab, name, answer, requests, **load):
    """The trial's end, and its rows by id in their order."""
    with answering(answer) as url:
        output = lab.run(name, requests=requests, url=url, **load)
    assert (output.done.outcome, output.done.error) == ("ok", None)
    assert output.errors == ""
    rows = defaultdict(list)
    for row in sorted(output.rows, key=lambda row: row.start_ns):
        rows[row.id].append(row)
    return output.done, rows


def seconds(done):
    return (done.end_ns - done.start_ns) / 1e9


@each_coping
def test_one_failure_loses_no_other_answer(lab, name):
    done, rows = run(lab, name, by_id(r2=(says("404 Not Found"),), r4=(says("500 Oh"),)), requests=5, limit=2)
    assert done.answers == (1, None, 3, None, 5)
    assert [cause and cause.partition(":")[0] in {"HTTPError", "ClientResponseError"} for cause in done.causes] == [
        None, True, None, True, None,
    ]  # fmt: skip
    assert "404" in done.causes[1]
    assert "500" in done.causes[3]
    assert {number: len(attempts) for number, attempts in rows.items()} == dict.fromkeys(range(1, 6), 1)


@each_coping
def test_transient_failures_are_retried(lab, name):
    """A 503, a connection that ends before or within the answer, and a 429 after the time that it names."""
    ways = {
        "r1": (says("503 Unavailable"), answers),
        "r2": (resets, answers),
        "r3": (cuts, answers),
        "r4": (sends(b""), answers),
        "r5": (says("503 Unavailable"), resets, cuts, answers),
        "r6": (answers,),
        "r7": (says("429 Too Many", "Retry-After: 1"), answers),
    }
    done, rows = run(lab, name, by_id(**ways), requests=7, limit=7)
    assert done.answers == (1, 2, 3, 4, 5, 6, 7)
    assert done.causes is None
    assert [row.status for row in rows[1]] == [503, 200]
    assert [row.status for row in rows[2]] == [None, 200]
    assert [(row.status, row.error is None) for row in rows[3]] == [(200, False), (200, True)]
    assert [row.status for row in rows[5]] == [503, None, 200, 200]
    assert len(rows[6]) == 1
    refused, asked_again = rows[7]
    assert asked_again.start_ns - refused.end_ns > 0.99e9


@each_coping
def test_after_four_attempts_the_cause_is_returned(lab, name):
    done, rows = run(lab, name, by_id(r2=(says("503 Unavailable"),)), requests=3)
    assert done.answers == (1, None, 3)
    assert "503" in done.causes[1]
    assert len(rows[2]) == ATTEMPTS


@each_coping
def test_a_request_that_times_out_is_not_retried(lab, name):
    """One request gets no answer, another only the start of one."""

    def stalls(connection, number):
        connection.sendall(ANSWER % 100 + number)
        hangs(connection, number)

    ways = by_id(r2=(hangs,), r3=(stalls,))
    done, rows = run(lab, name, ways, requests=5, limit=5, timeout_s=0.5)
    assert done.answers == (1, None, None, 4, 5)
    assert all("time" in done.causes[position].lower() for position in (1, 2))
    assert [len(rows[number]) for number in range(1, 6)] == [1] * 5
    assert [rows[2][0].status, rows[3][0].status] == [None, 200]
    assert rows[2][0].error
    assert rows[3][0].error
    assert seconds(done) >= 0.5


@each_coping
def test_a_server_that_is_away_for_two_seconds_loses_nothing(lab, name):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    over = Event()

    def serve():
        time.sleep(2.5)  # it needs a while to start, too
        with socket.create_server(("127.0.0.1", port), backlog=100) as server:
            server.settimeout(0.05)
            while not over.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                with connection:
                    connection.settimeout(5)
                    answers(connection, connection.recv(4096).split()[1].rpartition(b"/")[2])

    thread = Thread(target=serve)
    thread.start()
    try:
        output = lab.run(name, requests=6, url=f"http://127.0.0.1:{port}", timeout_s=5.0)
    finally:
        over.set()
        thread.join()
    assert output.done.answers == (1, 2, 3, 4, 5, 6)
    refused = [row for row in output.rows if row.status is None]
    assert refused
    assert {row.connected_ns for row in refused} == {None}
    assert max(Counter(row.id for row in output.rows).values()) <= ATTEMPTS


@each_coping
def test_never_more_are_in_flight_than_the_limit(lab, name):
    def slow(connection, number):
        time.sleep(0.05)
        answers(connection, number)

    _, rows = run(lab, name, by_id(**{f"r{n}": (resets, slow) for n in range(1, 13)}), requests=12, limit=4)
    assert most_at_once((row.start_ns, row.end_ns) for attempts in rows.values() for row in attempts) <= 4


@each_knowing_the_rate
def test_a_known_rate_is_kept_from_the_start(lab, name):
    """Retries count too. Requests are spread evenly, so a server that allows no burst refuses none."""
    rate, requests = 10.0, 16
    ways = by_id(r1=(says("503 Unavailable"), answers))
    done, rows = run(lab, name, ways, requests=requests, limit=4, rate=rate)
    assert done.answers == tuple(range(1, requests + 1))
    starts = sorted(row.start_ns for attempts in rows.values() for row in attempts)
    assert len(starts) == requests + 1
    early_s = [number / rate - (start - starts[0]) / 1e9 for number, start in enumerate(starts)]
    assert max(early_s) < 2 / rate, "a busy machine may delay the first request"
    assert seconds(done) < 5 * requests / rate


@each_finding_the_rate
@pytest.mark.parametrize("rate", [5, 10])
def test_an_unknown_rate_is_found(lab, name, rate):
    """The server counts as the lab's does: a client that ignores Retry-After would be banned in the end."""
    tokens, burst, lock = 3.0, 3.0, Lock()
    last = pause_until = None
    ignored = 0

    def answer(connection, number):
        nonlocal tokens, last, pause_until, ignored
        now = time.monotonic()
        with lock:
            tokens = min(burst, tokens + (now - (last or now)) * rate)
            last = now
            free = tokens >= 1
            if free:
                tokens -= 1
            else:
                ignored += pause_until is not None and now < pause_until - 0.05
                pause_until = now + 1
        (answers if free else says("429 Too Many", "Retry-After: 1"))(connection, number)

    requests = 25
    done, rows = run(lab, name, answer, requests=requests)
    refused = [row for attempts in rows.values() for row in attempts if row.status == 429]
    assert done.answers == tuple(range(1, requests + 1))
    assert len(refused) <= 6
    assert ignored <= 3  # no more than were on their way
    assert seconds(done) < 5 * (requests - burst) / rate
