"""The slow server in a scenario: the effect of each action on a client, and its line in the log."""

import json
import signal
import socket
import struct
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.request import urlopen

import pytest

from labkit.model import ServerConfig
from labkit.runtime.local import LocalRuntime
from server.behaviour import Behaviour, decide_action
from tests.server_driver import PATIENCE_S, Server, get, running

pytestmark = pytest.mark.slow

DELAY_S = 0.05
WORKER_CLASSES = ["sync", "gthread", "gevent"]
each_worker_class = pytest.mark.parametrize("worker_class", WORKER_CLASSES)


@contextmanager
def behaving(behaviour: Behaviour, worker_class: str = "sync", **settings: Any) -> Iterator[Server]:
    settings = {"workers": 2, "delay_s": DELAY_S, "worker_class": worker_class, **settings}
    with running(**settings, behaviour=behaviour.to_json()) as server:
        yield server


def find(behaviour: Behaviour, kind: str, attempt: int = 1) -> int:
    """Return the first request whose attempt gets this action."""
    return next(n for n in range(1, 500) if decide_action(behaviour, DELAY_S, n, attempt).kind == kind)


def row_of(server: Server, request_id: int, attempt: int = 1, trial: str = "t1") -> dict[str, Any]:
    """Wait for the log line of an attempt and return it."""
    wanted = {"trial": trial, "id": str(request_id), "attempt": attempt}
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        for row in server.all("request"):
            if row.items() >= wanted.items():
                return row
        time.sleep(0.005)
    raise AssertionError((wanted, server.events))


def receive(server: Server, request_id: int, trial: str = "t1") -> tuple[bytes, type[OSError] | None, float]:
    """Return the received bytes, the error that ended the connection (if any) and the seconds it took."""
    start_s = time.monotonic()
    received, error = b"", None
    with socket.create_connection(server.address(), timeout=PATIENCE_S) as connection:
        connection.sendall(f"GET /{trial}/{request_id} HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n".encode())
        try:
            while piece := connection.recv(65536):
                received += piece
        except OSError as caught:
            error = type(caught)
    return received, error, time.monotonic() - start_s


def body_of(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


@pytest.fixture(scope="module", params=WORKER_CLASSES)
def failing(request: pytest.FixtureRequest) -> Iterator[tuple[Server, Behaviour]]:
    """A server with all faults that kill no process. At the end it is stopped during a hang."""
    behaviour = Behaviour(hang=1, drip=1, drip_s=0.3, fail=5, spread=0.5)
    with behaving(behaviour, request.param) as server:
        yield server, behaviour
        with socket.create_connection(server.address()) as hanging:
            hanging.sendall(f"GET /end/{find(behaviour, 'hang')} HTTP/1.1\r\nHost: lab\r\n\r\n".encode())
            time.sleep(0.1)
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(PATIENCE_S) == 0
    assert "rror" not in server.errors, "gunicorn logs no error for a reset"


@pytest.fixture
def trial(request: pytest.FixtureRequest) -> str:
    """A separate trial for each test."""
    return f"t{abs(hash(request.node.name))}"


def test_an_answer_takes_the_time_of_its_action(failing, trial) -> None:
    server, behaviour = failing
    request_id = find(behaviour, "answer")
    expected = decide_action(behaviour, DELAY_S, request_id, 1)
    answer, error, took_s = receive(server, request_id, trial)
    row = row_of(server, request_id, trial=trial)
    assert error is None
    assert body_of(answer) == f"{request_id} answered after {round(expected.seconds, 3)} s\n".encode()
    assert list(row)[-3:] == ["status", "attempt", "did"]
    assert (row["status"], row["did"]) == (200, "answer")
    assert expected.seconds <= (row["end_ns"] - row["start_ns"]) / 1e9 <= took_s


def test_a_dripped_body_arrives_byte_by_byte(failing, trial) -> None:
    server, behaviour = failing
    request_id = find(behaviour, "drip")
    expected = decide_action(behaviour, DELAY_S, request_id, 1)
    pieces: list[tuple[float, bytes]] = []
    start_s = time.monotonic()
    with socket.create_connection(server.address(), timeout=PATIENCE_S) as connection:
        connection.sendall(f"GET /{trial}/{request_id} HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n".encode())
        while piece := connection.recv(65536):
            pieces.append((time.monotonic() - start_s, piece))
    head, _, body = b"".join(piece for _, piece in pieces).partition(b"\r\n\r\n")
    row = row_of(server, request_id, trial=trial)
    assert f"Content-Length: {len(body)}".encode() in head
    assert body.startswith(f"{request_id} answered".encode())
    assert len(pieces) >= len(body) / 2
    assert pieces[0][0] >= expected.seconds - behaviour.drip_s
    assert pieces[-1][0] - pieces[0][0] >= behaviour.drip_s * 0.8
    assert (row["status"], row["did"]) == (200, "drip")
    assert expected.seconds <= (row["end_ns"] - row["start_ns"]) / 1e9 <= pieces[-1][0]


def test_a_drip_ends_when_the_client_disconnects(failing, trial) -> None:
    server, behaviour = failing
    request_id = find(behaviour, "drip")
    with socket.create_connection(server.address()) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.sendall(f"GET /{trial}/{request_id} HTTP/1.1\r\nHost: lab\r\n\r\n".encode())
        connection.recv(1)
    row = row_of(server, request_id, trial=trial)
    assert (row["end_ns"] - row["start_ns"]) / 1e9 < decide_action(behaviour, DELAY_S, request_id, 1).seconds


@pytest.mark.parametrize("linger", [False, True], ids=["FIN", "RST"])
def test_a_hang_ends_when_the_client_disconnects(failing, trial, linger) -> None:
    server, behaviour = failing
    request_id = find(behaviour, "hang")
    with socket.create_connection(server.address(), timeout=0.3) as connection:
        connection.sendall(f"GET /{trial}/{request_id} HTTP/1.1\r\nHost: lab\r\n\r\n".encode())
        with pytest.raises(TimeoutError):
            connection.recv(1)
        assert not any(row["trial"] == trial for row in server.all("request"))
        if linger:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        left_ns = time.monotonic_ns()
    row = row_of(server, request_id, trial=trial)
    assert (row["status"], row["did"]) == (0, "hang")
    assert row["end_ns"] >= left_ns


def test_a_503_comes_at_once_and_its_body_is_not_an_answer(failing, trial) -> None:
    server, behaviour = failing
    request_id = find(behaviour, "unavailable")
    took_ns = []
    for number in range(5):  # a busy machine delays some of them
        response, body, start_ns, end_ns = get(server, f"/{trial}{number}/{request_id}")
        row = row_of(server, request_id, trial=f"{trial}{number}")
        assert response.status == 503
        assert body == "- 503 Service Unavailable\n"
        assert (row["status"], row["did"]) == (503, "unavailable")
        assert start_ns < row["start_ns"] < row["end_ns"] < end_ns
        took_ns.append(row["end_ns"] - row["start_ns"])
    assert min(took_ns) < DELAY_S * 1e9 / 2


def test_a_reset_before_the_answer_is_an_rst(failing, trial) -> None:
    server, behaviour = failing
    request_id = find(behaviour, "reset_before")
    received, error, took_s = receive(server, request_id, trial)
    row = row_of(server, request_id, trial=trial)
    assert (received, error) == (b"", ConnectionResetError)
    assert (row["status"], row["did"]) == (0, "reset_before")
    assert took_s >= decide_action(behaviour, DELAY_S, request_id, 1).seconds


def test_a_reset_within_the_answer_sends_half_of_it(failing, trial) -> None:
    server, behaviour = failing
    request_id = find(behaviour, "reset_within")
    received, error, _ = receive(server, request_id, trial)
    head, _, body = received.partition(b"\r\n\r\n")
    row = row_of(server, request_id, trial=trial)
    assert error is ConnectionResetError
    assert head.startswith(b"HTTP/1.1 200 OK")
    whole = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
    assert len(body) == whole // 2
    assert body.startswith(f"{request_id} answered".encode()[: len(body)])
    assert (row["status"], row["did"]) == (200, "reset_within")


@each_worker_class
def test_attempts_are_counted_across_workers_and_threads(worker_class) -> None:
    """Each id of each trial counts from 1 without gaps, in any worker, also when an earlier trial continues."""
    behaviour = Behaviour(fail=3)
    threads = {"threads": "4"} if worker_class == "gthread" else {}
    with behaving(behaviour, worker_class, workers=3, delay_s=0.002, **threads) as server:
        with ThreadPoolExecutor(8) as pool:
            for trial in ("a", "b", "a"):
                list(pool.map(lambda n, trial=trial: receive(server, n % 4 + 1, trial), range(40)))
        rows = server.wait_for("request", 120)
    assert len({row["worker"] for row in rows}) == 3
    for trial, times in (("a", 20), ("b", 10)):
        for request_id in "1234":
            mine = [row for row in rows if (row["trial"], row["id"]) == (trial, request_id)]
            assert sorted(row["attempt"] for row in mine) == list(range(1, times + 1))
            expected = [decide_action(behaviour, 0.002, int(request_id), row["attempt"]).kind for row in mine]
            assert [row["did"] for row in mine] == expected


def test_an_id_that_is_not_a_number_is_answered_normally() -> None:
    with behaving(Behaviour(fail=10, most_in_a_row=99)) as server:
        names = ["hello", "0", "10001", "7" * 400]
        for name in names:
            assert get(server, f"/t/{name}")[1] == f"{name} answered after {DELAY_S} s\n"
        rows = server.wait_for("request", len(names))
    assert [(row["id"], row["attempt"], row["did"]) for row in rows] == [(name, 0, "answer") for name in names]


def test_a_body_has_the_configured_length() -> None:
    behaviour = Behaviour(body_bytes=1_000_000)
    with behaving(behaviour) as server:
        body = get(server, "/t/7")[1]
    assert len(body) == 1_000_000
    assert body.startswith("7 answered after 0.05 s.")
    assert body.endswith(".\n")


@each_worker_class
def test_all_workers_share_one_bucket(worker_class) -> None:
    behaviour = Behaviour(rate=10.0, burst=3)
    with behaving(behaviour, worker_class, workers=3, delay_s=0.0) as server, ThreadPoolExecutor(6) as pool:
        at_once = list(pool.map(lambda n: get(server, f"/t1/{n}"), range(1, 13)))
        assert get(server, "/t2/1")[0].status == 200, "a trial begins with a full bucket"
        time.sleep(0.35)
        later = list(pool.map(lambda n: get(server, f"/t1/{n}"), range(20, 32)))
        rows = server.wait_for("request", 25)
    for answers in (at_once, later):
        elapsed_s = (max(end_ns for *_, end_ns in answers) - min(start_ns for *_, start_ns, _ in answers)) / 1e9
        assert 3 <= sum(response.status == 200 for response, *_ in answers) <= 4 + behaviour.rate * elapsed_s
    refused = [(response, body) for response, body, *_ in at_once + later if response.status != 200]
    assert {response.status for response, _ in refused} == {429}
    assert {response.headers["Retry-After"] for response, _ in refused} == {"1"}
    assert {body for _, body in refused} == {"- 429 Too Many Requests\n"}
    assert Counter(row["did"] for row in rows) == {"answer": 25 - len(refused), "refused": len(refused)}
    assert all((row["status"], row["did"]) in {(200, "answer"), (429, "refused")} for row in rows)


def test_retry_after_is_the_time_until_the_next_token() -> None:
    with behaving(Behaviour(rate=0.4, burst=1), delay_s=0.0) as server:
        statuses = [get(server, "/t/1")[0] for _ in range(3)]
    assert [response.status for response in statuses] == [200, 429, 429]
    assert [response.headers["Retry-After"] for response in statuses[1:]] == ["3", "3"]


def test_a_client_that_ignores_retry_after_is_banned_for_a_while() -> None:
    behaviour = Behaviour(rate=1.0, burst=1, ban_after=3, ban_s=0.5)
    with behaving(behaviour, delay_s=0.0) as server:
        got = [get(server, f"/t/{n}")[0] for n in range(1, 8)]
        assert [response.status for response in got] == [200, 429, 429, 429, 429, 403, 403]
        assert get(server, "/other/1")[0].status == 200, "a ban is for one trial"
        time.sleep(1.05)
        assert get(server, "/t/5")[0].status == 200
        rows = server.wait_for("request", 9)
    mine = [row for row in rows if row["trial"] == "t"]
    assert [row["did"] for row in mine] == ["answer", *["refused"] * 4, "banned", "banned", "answer"]
    assert [row["attempt"] for row in mine] == [1] * 7 + [2]
    assert [row["status"] for row in mine[5:]] == [403, 403, 200]


def test_a_client_that_waits_for_retry_after_is_never_banned() -> None:
    behaviour = Behaviour(rate=2.0, burst=1, ban_after=1, ban_s=60)
    with behaving(behaviour, delay_s=0.0) as server:
        statuses = []
        for _ in range(2):
            statuses += [get(server, "/t/1")[0].status, get(server, "/t/1")[0].status]
            time.sleep(1.01)
    assert statuses == [200, 429] * 2


@each_worker_class
def test_a_crashed_worker_is_replaced(worker_class) -> None:
    behaviour = Behaviour(crash_at=2, fail=3)
    with behaving(behaviour, worker_class) as server:
        receive(server, 1)
        received, error, _ = receive(server, 2)
        row = row_of(server, 2)
        assert received == b""
        assert error in {None, ConnectionResetError}
        assert (row["status"], row["did"]) == (0, "crash")
        assert server.all("gone") == [{"v": 1, "event": "gone", "worker": row["worker"]}]
        assert row["worker"] in server.workers()[:2]
        assert row["worker"] != server.wait_for("worker", 3)[2]["worker"]
        for n in (1, 2, 2):
            receive(server, n)
        rows = server.wait_for("request", 5)
        assert [(row["id"], row["attempt"]) for row in rows] == [("1", 1), ("2", 1), ("1", 2), ("2", 2), ("2", 3)]
        assert [row["did"] for row in rows] == [
            decide_action(behaviour, DELAY_S, int(row["id"]), row["attempt"]).kind for row in rows
        ]


def test_a_crash_under_load_leaves_no_lock_held() -> None:
    """Sixteen threads count attempts while their worker dies: no lock stays held, no count is lost."""
    behaviour = Behaviour(crash_at=20)
    with behaving(behaviour, "gthread", workers=2, threads="8", delay_s=0.002) as server:
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda n: receive(server, n), range(1, 201)))
        server.wait_for("worker", 3)
        assert body_of(receive(server, 20)[0]) == b"20 answered after 0.002 s\n"
    attempts = {row["id"]: row["attempt"] for row in server.all("request")}  # the log is complete once it has ended
    assert attempts["20"] == 2
    assert len(attempts) >= 200 - 8


@each_worker_class
def test_the_whole_server_stops_and_comes_back(worker_class) -> None:
    behaviour = Behaviour(restart_at=2, away_s=0.6)
    with behaving(behaviour, worker_class) as server, socket.create_connection(server.address()) as idle:
        address = server.address()
        before = server.workers()
        assert body_of(receive(server, 1)[0]).startswith(b"1 ")
        received, _, _ = receive(server, 2)
        assert received == b""
        while _connects(address):  # the listening socket closes a moment after the worker ends
            pass
        away_s = time.monotonic()
        idle.settimeout(PATIENCE_S)
        if worker_class == "gevent":  # accepted or in the backlog: either way it is closed
            assert _ended(idle)
        refused = 0
        while not _connects(address):
            refused += 1
            time.sleep(0.01)
        assert time.monotonic() - away_s >= 0.5
        assert refused > 0
        for n in (1, 2):
            assert body_of(receive(server, n)[0]).startswith(f"{n} ".encode())
        workers = server.wait_for("worker", 4)[2:]
        rows = server.wait_for("request", 4)
        kinds = [event["event"] for event in server.events]
    assert {row["worker"] for row in server.all("gone")} == set(before)
    assert not set(before) & {event["worker"] for event in workers}
    assert [event["address"] for event in server.all("listening")] == [f"{address[0]}:{address[1]}"] * 2
    assert kinds.index("gone") < len(kinds) - 1 - kinds[::-1].index("listening")
    assert [(row["id"], row["attempt"], row["did"], row["status"]) for row in rows] == [
        ("1", 1, "answer", 200),
        ("2", 1, "restart", 0),
        ("1", 2, "answer", 200),
        ("2", 2, "answer", 200),
    ]
    assert "Traceback" not in server.errors


def test_the_lab_waits_until_all_workers_are_back() -> None:
    runtime = LocalRuntime(print)
    try:
        server = runtime.server(ServerConfig(2, "sync", 1, DELAY_S, Behaviour(restart_at=1, away_s=0.5)))
        server.start()
        server.wait_until_ready()
        for trial in ("t1", "t2"):
            start_s = time.monotonic()
            with pytest.raises(OSError, match=r"closed|reset|end"):
                urlopen(f"{server.url}/{trial}/1", timeout=PATIENCE_S)
            rows = server.logged_requests(trial, {1}, PATIENCE_S)
            server.wait_until_ready()
            assert time.monotonic() - start_s >= 0.5
            assert urlopen(f"{server.url}/{trial}/1", timeout=PATIENCE_S).read().startswith(b"1 answered")
            rows += server.logged_requests(trial, {1}, PATIENCE_S)
            assert [(row.attempt, row.did, row.status) for row in rows] == [(1, "restart", 0), (2, "answer", 200)]
    finally:
        runtime.close()


def test_sigterm_ends_the_server_during_a_restart() -> None:
    with behaving(Behaviour(restart_at=1, away_s=60.0)) as server:
        receive(server, 1)
        while _connects(server.address()):
            time.sleep(0.01)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(PATIENCE_S) == 0


def test_a_behaviour_without_faults_is_the_plain_server() -> None:
    with running(1, DELAY_S, behaviour=json.dumps({"seed": 7})) as server:
        get(server, "/t/1")
        assert "did" not in server.wait_for("request", 1)[0]


def _connects(address: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(address, timeout=PATIENCE_S):
            return True
    except (ConnectionRefusedError, ConnectionResetError):
        return False


def _ended(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True
