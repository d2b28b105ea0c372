"""The slow server as processes: real gunicorn, every worker class, its answers compared with its log."""

import json
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.server_driver import PATIENCE_S, Server, get, running, send_raw, start

WORKER_CLASSES = ["sync", "gthread", "gevent", "asgi"]


def most_at_once(requests: list[dict[str, Any]]) -> int:
    changes = sorted([(row["start_ns"], 1) for row in requests] + [(row["end_ns"], -1) for row in requests])
    in_flight = peak = 0
    for _, change in changes:
        in_flight += change
        peak = max(peak, in_flight)
    return peak


@pytest.fixture(scope="module", params=WORKER_CLASSES)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with running(worker_class=request.param) as server:
        yield server


def test_the_log_has_a_line_for_each_answer(server: Server) -> None:
    before = len(server.all("request"))
    with ThreadPoolExecutor(9) as pool:
        answers = dict(zip(range(9), pool.map(lambda n: get(server, f"/t4/{n}"), range(9)), strict=True))
    rows = {row["id"]: row for row in server.wait_for("request", before + 9)[before:]}

    assert sorted(rows) == [str(n) for n in range(9)]
    for n, (response, body, start_ns, end_ns) in answers.items():
        row = rows[str(n)]
        assert list(row) == ["v", "event", "trial", "id", "worker", "start_ns", "end_ns", "status"]
        assert (row["v"], row["trial"], row["status"]) == (1, "t4", 200)
        assert row["worker"] in server.workers()
        assert start_ns < row["start_ns"] < row["end_ns"] < end_ns
        assert row["end_ns"] - row["start_ns"] >= 0.199e9
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert response.headers["Content-Length"] == str(len(body))
        assert response.headers["Server-Timing"] == f"app;dur={(row['end_ns'] - row['start_ns']) / 1e6:.3f}"
        assert body == f"{n} answered after 0.2 s\n"


@pytest.mark.parametrize(
    ("worker_class", "workers", "threads", "at_once"),
    [
        ("sync", 1, 1, 1),
        ("sync", 3, 1, 3),
        ("gthread", 3, 1, 3),
        ("gthread", 2, 2, 4),
        ("gevent", 1, 1, 9),
        ("asgi", 1, 1, 9),
    ],
)
def test_as_many_requests_run_at_once_as_there_are_slots(
    worker_class: str, workers: int, threads: int, at_once: int
) -> None:
    with running(workers, worker_class=worker_class, threads=str(threads)) as server, ThreadPoolExecutor(9) as pool:
        list(pool.map(lambda n: get(server, f"/t/{n}"), range(9)))
        assert most_at_once(server.wait_for("request", 9)) == at_once


@pytest.mark.parametrize("worker_class", ["sync", "gthread"])
def test_no_worker_queues_connections_while_another_is_idle(worker_class: str) -> None:
    with running(3, worker_class=worker_class) as server, ThreadPoolExecutor(9) as pool:
        list(pool.map(lambda n: get(server, f"/t/{n}"), range(9)))
        answered_by = [row["worker"] for row in server.wait_for("request", 9)]
    # Three each, plus or minus one on a busy machine; with gunicorn's default settings one worker gets 7.
    assert max(answered_by.count(worker) for worker in server.workers()) <= 5


ODD_PATHS = [
    (b"/", "", "-"),
    (b"/hello", "", "hello"),
    (b"/hello/?page=2", "", "hello"),
    (b"/a/b/c", "", "c"),
    (b"//t4//7//", "", "7"),
    (b"/t4/two%20words", "t4", "two%20words"),
    (b"/t4/%0d%0aX-Injected:%20yes%00", "t4", "%0D%0AX-Injected%3A%20yes%00"),
    (b'/t4/"\\{}', "t4", "%22%5C%7B%7D"),
    (b"/t4/%ff%c3%a9", "t4", "%FF%C3%A9"),
]


def test_no_path_breaks_the_log_or_the_answer(server: Server) -> None:
    before = len(server.all("request"))
    with ThreadPoolExecutor(len(ODD_PATHS)) as pool:
        answers = list(pool.map(lambda odd: send_raw(server, odd[0]), ODD_PATHS))
    for answer, (_, _, request_id) in zip(answers, ODD_PATHS, strict=True):
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        assert b"x-injected" not in head.lower()
        assert body.decode() == f"{request_id} answered after 0.2 s\n"
    rows = server.wait_for("request", before + len(ODD_PATHS))[before:]
    assert sorted((row["trial"], row["id"]) for row in rows) == sorted((trial, name) for _, trial, name in ODD_PATHS)


def test_requests_that_gunicorn_refuses_are_not_logged(server: Server) -> None:
    before = len(server.all("request"))
    assert send_raw(server, b"/t4/\xff").startswith(b"HTTP/1.1 400 ")
    assert send_raw(server, b"/" + b"a" * 2000).startswith(b"HTTP/1.1 414 ")
    assert get(server, "/t4/next")[0].status == 200
    assert [row["id"] for row in server.wait_for("request", before + 1)[before:]] == ["next"]


def test_the_longest_path_is_logged_in_one_write(server: Server) -> None:
    before = len(server.all("request"))
    assert send_raw(server, b"/" + b'"' * 1000).startswith(b"HTTP/1.1 200 ")
    row = server.wait_for("request", before + 1)[before]
    assert row["id"] == "%22" * 1000
    assert len(json.dumps(row)) < 4096, "longer than an atomic write to a pipe"


def test_a_request_is_logged_even_if_its_client_has_disconnected(server: Server) -> None:
    before = len(server.all("request"))
    with socket.create_connection(server.address()) as connection:
        connection.sendall(b"GET /t/lost HTTP/1.1\r\nHost: lab\r\n\r\n")
    assert server.wait_for("request", before + 1)[before]["id"] == "lost"


@pytest.mark.parametrize("worker_class", WORKER_CLASSES)
def test_sigterm_ends_the_server_with_a_request_in_flight(worker_class: str) -> None:
    with running(2, 600, worker_class=worker_class) as server:
        with socket.create_connection(server.address()) as connection:
            connection.sendall(b"GET /t/never HTTP/1.1\r\nHost: lab\r\n\r\n")
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(PATIENCE_S) == 0
        server.end()
    assert server.all("request") == []
    assert "Traceback" not in server.errors


def test_the_defaults() -> None:
    server = Server({})
    try:
        server.wait_for("worker", 3)
        assert [event["event"] for event in server.events] == ["listening", "worker", "worker", "worker"]
        assert server.address()[1] > 0
        assert get(server, "/t/1")[1] == "1 answered after 1.0 s\n"
    finally:
        server.end()
    assert "Using worker: sync" in server.errors


def test_an_empty_variable_means_the_default() -> None:
    with running(worker_class="", threads="", backlog="") as server:
        assert get(server, "/t/1")[0].status == 200


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can read the limits of another process")
def test_the_limit_on_open_files_is_raised() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        with running(1, 0) as server:
            raised, _ = resource.prlimit(server.workers()[0], resource.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert raised == hard or raised > 10_000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SERVER_BIND", "8000"),
        ("SERVER_BIND", ":8000"),
        ("SERVER_BIND", "127.0.0.1:http"),
        ("SERVER_BIND", "127.0.0.1:65536"),
        ("SERVER_WORKERS", "0"),
        ("SERVER_WORKERS", "-1"),
        ("SERVER_WORKERS", "three"),
        ("SERVER_WORKERS", "1.5"),
        ("SERVER_WORKERS", "9" * 5000),
        ("SERVER_WORKER_CLASS", "tornado"),
        ("SERVER_THREADS", "0"),
        ("SERVER_THREADS", "2"),  # with sync workers
        ("SERVER_DELAY_S", "-1"),
        ("SERVER_DELAY_S", "nan"),
        ("SERVER_DELAY_S", "inf"),
        ("SERVER_DELAY_S", "1e9"),
        ("SERVER_DELAY_S", "a while"),
        ("SERVER_BACKLOG", "0"),
        ("SERVER_BEHAVIOUR", "flaky"),
        ("SERVER_BEHAVIOUR", '{"mood": 1}'),
        ("SERVER_BEHAVIOUR", '{"rate": "often"}'),
    ],
)
def test_an_invalid_setting_is_named_and_nothing_starts(name: str, value: str) -> None:
    process = start({"SERVER_BIND": "127.0.0.1:0", name: value})
    output, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 2
    assert output == ""
    assert errors.startswith(f"slow server: {name}=")
    assert value in errors
    assert errors.count("\n") == 1


def test_an_asgi_worker_does_not_support_scenarios() -> None:
    process = start({"SERVER_WORKER_CLASS": "asgi", "SERVER_BEHAVIOUR": '{"fail": 2}'})
    output, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 2
    assert output == ""
    assert errors.startswith("slow server: SERVER_WORKER_CLASS='asgi' does not support SERVER_BEHAVIOUR")
    assert errors.count("\n") == 1


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        process = start({"SERVER_BIND": address})
        output, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 3
    assert output == ""
    assert errors.splitlines()[-1] == f"slow server: cannot listen on {address} (SERVER_BIND): Address already in use"
    assert "Traceback" not in errors
