"""The load generator in the harness, driven as lab.py drives it; and the Locust file, as users run it."""

from __future__ import annotations

import platform
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import count, pairwise
from statistics import median

import pytest

from clients.harness.protocol import Batch, Cease, Load, Ready, Sample, to_line
from labkit.analysis.statistics import most_at_once
from loadtest.schedule import offsets
from tests.harness_driver import ROOT, Harness, Output, SlowServer, answering, hangs, slow_server

pytestmark = pytest.mark.slow

DELAY_S = 0.05
WORKERS = 3
PROCESSES = pytest.mark.parametrize("processes", [1, 2])
KEYS = (f"t{number}" for number in count(1))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlowServer]:
    with slow_server(tmp_path_factory.mktemp("server") / "server.log", WORKERS, DELAY_S) as started:
        yield started


def closed(url: str, **changes: object) -> Load:
    load = Load(
        url=f"{url}/{next(KEYS)}", users=4, spawn_rate=None, rate=None, arrivals=None, seed=1, duration_s=None,
        requests=None, processes=1, timeout_s=5.0, trial_timeout_s=25.0,
    )  # fmt: skip
    return load._replace(**changes)


def open_load(url: str, **changes: object) -> Load:
    return closed(url, users=50, rate=30.0, arrivals="poisson", duration_s=1.0, **changes)


def begin(harness: Harness, load: Load) -> None:
    ready = harness.next()
    assert isinstance(ready, Ready), ready
    assert (ready.approach, ready.python) == ("load", platform.python_version())
    send(harness, load)


def send(harness: Harness, message: Load | Cease) -> None:
    harness.stdin.write(to_line(message))
    harness.stdin.flush()


def run(load: Load) -> Output:
    with Harness(ROOT, ("load", "--protocol")) as harness:
        begin(harness, load)
        return harness.rest()


def begun(output: Output) -> dict[int, int]:
    """Request -> the time of its start; each has started once, in the order of its process."""
    pairs = [pair for batch in output.all(Batch) for pair in zip(batch.begun, batch.begun_ns, strict=True)]
    assert len(dict(pairs)) == len(pairs)
    for batch in output.all(Batch):
        assert list(batch.begun) == sorted(batch.begun)
    return dict(pairs)


def ended(output: Output) -> dict[int, tuple[int, int, int | None, int | None, str | None]]:
    """Request -> start and end, status, size and error; each has ended once."""
    rows = [
        (number, rest)
        for batch in output.all(Batch)
        for number, *rest in zip(
            batch.ended, batch.ended_start_ns, batch.ended_ns, batch.statuses, batch.sizes, batch.errors, strict=True
        )
    ]
    assert len(dict(rows)) == len(rows)
    return {number: tuple(rest) for number, rest in rows}


@PROCESSES
def test_each_request_of_a_closed_load_is_reported_once(server, processes):
    load = closed(server.url, requests=25, processes=processes)
    output = run(load)
    assert (output.done.outcome, output.done.error, output.code) == ("ok", None, 0)
    starts, ends = begun(output), ended(output)
    assert sorted(starts) == sorted(ends) == list(range(1, 26))
    logged = {int(row["id"]): row for row in server.requests(load.url.rpartition("/")[2], 25)}
    assert sorted(logged) == sorted(ends)
    for number, (start_ns, end_ns, status, size, error) in ends.items():
        assert (status, error) == (200, None)
        assert size == len(f"{number} answered after {DELAY_S} s\n")
        assert start_ns <= logged[number]["start_ns"] < logged[number]["end_ns"] <= end_ns
        assert (end_ns - start_ns) / 1e9 >= DELAY_S
    batches = output.all(Batch)
    assert {batch.source for batch in batches} == set(range(processes))
    for batch in batches:
        assert batch.begun_due_ns is None
        assert {(number - 1) % processes for number in batch.begun} <= {batch.source}
    for source in range(processes):
        mine = [batch for batch in batches if batch.source == source]
        assert [batch.t_ns for batch in mine] == sorted(batch.t_ns for batch in mine)
        assert mine[-1].due == sum(len(batch.begun) for batch in mine)
    assert output.all(Sample)
    assert output.done.cpu_s > 0


@PROCESSES
@pytest.mark.parametrize("arrivals", ["constant", "poisson"])
def test_each_arrival_of_an_open_load_follows_the_schedule(server, arrivals, processes):
    load = open_load(server.url, processes=processes)._replace(arrivals=arrivals, seed=5)
    output = run(load)
    due = {
        number: due_ns
        for batch in output.all(Batch)
        for number, due_ns in zip(batch.begun, batch.begun_due_ns, strict=True)
    }
    zero_ns = min(batch.t_ns for batch in output.all(Batch))
    wanted = [offset_s for offset_s, _ in zip(offsets(30.0, arrivals, 5), range(100), strict=False) if offset_s < 1]
    assert sorted(due) == list(range(1, len(wanted) + 1))
    assert [(due[number] - zero_ns) / 1e9 for number in sorted(due)] == pytest.approx(wanted, abs=1e-6)
    starts = begun(output)
    assert all(starts[number] >= due_ns for number, due_ns in due.items())
    assert sorted(ended(output)) == sorted(due)
    assert median(starts[number] - due_ns for number, due_ns in due.items()) < 0.5e9


def test_arrivals_that_wait_for_a_free_user_are_counted(server):
    output = run(open_load(server.url)._replace(users=1, arrivals="constant", rate=60.0))
    batches = output.all(Batch)
    assert max(batch.waiting for batch in batches) > 5
    assert (batches[-1].due, batches[-1].waiting) == (60, 0)
    assert len(ended(output)) == 60
    rows = sorted(ended(output).values())
    assert all(one[1] <= other[0] for one, other in pairwise(rows)), "one user, one at a time"


@PROCESSES
def test_cease_lets_requests_in_flight_end_and_starts_no_more(server, processes):
    with Harness(ROOT, ("load", "--protocol")) as harness:
        begin(harness, closed(server.url, duration_s=600.0, processes=processes))
        messages = until_answered(harness)
        send(harness, Cease(5.0))
        output = joined(messages, harness.rest())
    assert (output.done.outcome, output.done.error) == ("ok", None)
    assert sorted(begun(output)) == sorted(ended(output))


@PROCESSES
def test_cease_waits_for_answers_no_longer_than_its_limit(processes):
    with answering(hangs) as url, Harness(ROOT, ("load", "--protocol")) as harness:
        begin(harness, open_load(url, processes=processes)._replace(users=4, timeout_s=600.0))
        messages = []
        while sum(len(message.begun) for message in messages if isinstance(message, Batch)) < 4:
            messages.append(harness.next())
        send(harness, Cease(0.2))
        output = joined(messages, harness.rest())
    last = {batch.source: batch for batch in output.all(Batch)}
    assert output.done.outcome == "ok"
    assert (len(begun(output)), ended(output)) == (4, {})
    assert sum(batch.due - batch.waiting for batch in last.values()) == 4, "the others were given up"


@PROCESSES
def test_a_load_ends_after_its_duration_with_the_last_answer(server, processes):
    output = run(closed(server.url, duration_s=0.5, processes=processes))
    zero_ns = min(batch.t_ns for batch in output.all(Batch))
    starts = begun(output)
    assert sorted(starts) == sorted(ended(output))
    assert len(starts) >= 4
    assert output.done.end_ns - zero_ns >= 0.5e9


def test_users_come_one_after_another_at_their_rate(server):
    output = run(closed(server.url, users=2, spawn_rate=1.0, duration_s=1.5))
    zero_ns = min(batch.t_ns for batch in output.all(Batch))
    spans = [(start_ns - zero_ns, end_ns - zero_ns) for start_ns, end_ns, *_ in ended(output).values()]
    assert most_at_once(spans) == 2
    assert most_at_once(span for span in spans if span[0] < 0.9e9) == 1, "the second comes a second later"


@PROCESSES
def test_a_late_generator_makes_up_for_every_due_arrival(server, processes):
    load = open_load(server.url, processes=processes)._replace(arrivals="constant", duration_s=1.0)
    with Harness(ROOT, ("load", "--protocol")) as harness:
        begin(harness, load)
        messages = [harness.next()]
        while not isinstance(messages[-1], Batch):
            messages.append(harness.next())
        behind = [process for process in harness.left() if process.pid != harness.process.pid]
        for process in behind:
            process.suspend()
        time.sleep(1.5)  # its time is over
        for process in behind:
            process.resume()
        output = joined(messages, harness.rest())
    assert output.done.outcome == "ok"
    assert sorted(ended(output)) == list(range(1, 31))
    last = {batch.source: batch for batch in output.all(Batch)}
    assert sum(batch.due for batch in last.values()) == 30


@PROCESSES
def test_arrivals_may_wait_for_a_user_as_long_as_a_request_may_take(processes):
    with answering(hangs) as url:
        load = open_load(url, processes=processes)._replace(arrivals="constant", rate=20.0, duration_s=0.5)
        output = run(load._replace(users=processes, timeout_s=1.0))
    zero_ns, starts = min(batch.t_ns for batch in output.all(Batch)), begun(output)
    last = {batch.source: batch for batch in output.all(Batch)}
    assert output.done.outcome == "ok"
    assert max(starts.values()) - zero_ns > 0.5e9, "a user was free again once the first request had timed out"
    assert sorted(ended(output)) == sorted(starts), "what began last may take its time as well"
    assert all(row[4] for row in ended(output).values())
    assert sum(batch.due for batch in last.values()) == 10
    assert sum(batch.waiting for batch in last.values()) == 10 - len(starts) > 0, "the others never began"


@PROCESSES
def test_requests_that_time_out_at_the_end_of_a_load_have_failed(processes):
    with answering(hangs) as url:
        output = run(closed(url, users=4, duration_s=0.2, timeout_s=0.6, processes=processes))
    rows = ended(output)
    assert (output.done.outcome, sorted(rows), sorted(begun(output))) == ("ok", [1, 2, 3, 4], [1, 2, 3, 4])
    assert {row[2:4] for row in rows.values()} == {(None, None)}
    assert all(row[4] for row in rows.values())


@PROCESSES
def test_a_sparse_load_lasts_for_its_duration(server, processes):
    output = run(open_load(server.url, processes=processes)._replace(arrivals="constant", rate=0.1))
    zero_ns = min(batch.t_ns for batch in output.all(Batch))
    assert sorted(ended(output)) == [1]
    assert output.done.end_ns - zero_ns >= 1e9


def test_an_open_load_with_a_request_limit_ends_with_the_last_request(server):
    output = run(open_load(server.url, requests=3)._replace(duration_s=600.0))
    assert (output.done.outcome, sorted(ended(output))) == ("ok", [1, 2, 3])


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize(
    "break_off",
    [
        lambda _: None,
        reset,
        lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Le"),
        lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal"),
    ],
    ids=["closed", "reset", "within the headers", "within the body"],
)
def test_a_request_whose_connection_breaks_is_not_sent_again(break_off):
    asked = []

    def answer(connection, number):
        asked.append(int(number))
        break_off(connection)

    with answering(answer) as url:
        output = run(closed(url, users=1, requests=3))
    assert asked == [1, 2, 3]
    errors = [row[4] for row in ended(output).values()]
    assert len(errors) == 3
    assert len(set(errors)) == 1, "the same cause each time"
    assert errors[0]
    assert url not in errors[0]


def test_errors_are_reported_with_their_status_or_cause():
    def answer(connection, number):
        if number == b"2":
            connection.sendall(b"HTTP/1.0 503 Busy\r\nContent-Length: 0\r\n\r\n")
        elif number != b"3":  # which gets no answer at all
            connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n" + number)

    with answering(answer) as url:
        output = run(closed(url, users=1, requests=4))
    rows = ended(output)
    assert {number: row[2] for number, row in rows.items()} == {1: 200, 2: 503, 3: None, 4: 200}
    assert (rows[1][4], rows[4][4]) == (None, None)
    assert rows[2][4] == "status 503"
    assert rows[3][3] is None
    assert rows[3][4]


def test_a_request_takes_no_longer_than_its_timeout():
    with answering(hangs) as url:
        output = run(closed(url, users=2, requests=2, timeout_s=0.3))
    assert (output.done.outcome, sorted(ended(output))) == ("ok", [1, 2])
    assert all(row[4] for row in ended(output).values())


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "end of input"])
def test_interrupted_with_workers_it_ends_and_leaves_nothing(server, how):
    with Harness(ROOT, ("load", "--protocol")) as harness:
        begin(harness, closed(server.url, duration_s=600.0, processes=2))
        until_answered(harness)
        harness.interrupt(how)
        output = harness.rest()
    assert output.done.outcome == "interrupted"
    assert "Traceback" not in output.errors


def test_the_locust_file_works_by_hand(server):
    with tempfile.TemporaryFile("w+") as output:
        command = [sys.executable, "-m", "locust", "-f", "loadtest/locustfile.py", "--host", server.url]
        options = ["--headless", "--users", "2", "--run-time", "5s"]
        locust = subprocess.run([*command, *options], cwd=ROOT, stdout=output, stderr=output, check=False, timeout=60)
        output.seek(0)
        text = output.read()
    assert locust.returncode == 0, text
    assert "the slow server" in text
    assert "Traceback" not in text
    rows = server.requests("locust", 1)
    asked = [row["id"].split("-") for row in rows]
    assert len({process for process, _ in asked}) == 1
    assert sorted(int(number) for _, number in asked) == list(range(1, len(rows) + 1))
    assert len(rows) > 2


def until_answered(harness: Harness) -> list[object]:
    """The messages until the first answer."""
    messages: list[object] = []
    while not any(isinstance(message, Batch) and message.ended for message in messages):
        messages.append(harness.next())
    return messages


def joined(messages: list[object], rest: Output) -> Output:
    return Output(b"".join(map(to_line, messages)) + rest.out, rest.errors, rest.code)
