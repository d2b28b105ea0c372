"""Every attempt at a request is a row of its own, whether the approach or its library makes it."""

from __future__ import annotations

import socket
import time

import pytest

from tests.harness_driver import Lab, answering, hangs, resets, sends

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n%"
KEPT = ANSWER.replace(b"Connection: close\r\n", b"")
REFUSAL = b"HTTP/1.1 503 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
KEPT_REFUSAL = REFUSAL.replace(b"Connection: close\r\n", b"")
CUT = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n%"

# One session for all urls; failures stand in the list of answers.
REQUESTS = """
import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry
def get(session, url):
    try:
        return session.get(url, timeout=0.3).text
    except requests.RequestException as error:
        return error
def main(urls):
    with requests.Session() as session:
        session.mount("http://", HTTPAdapter(max_retries={retry}))
        return [get(session, url) for url in urls]
"""
AIOHTTP = """
import aiohttp
async def get(session, url):
    try:
        async with session.get(url) as response:
            return await response.text()
    except (aiohttp.ClientError, TimeoutError) as error:
        return error
async def main(urls):
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(0.3)) as session:
        return [await get(session, url) for url in urls]
"""
SESSIONS = {"requests": REQUESTS.format(retry=0), "aiohttp": AIOHTTP}


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return Lab.copy_to(tmp_path_factory.mktemp("lab"))


@pytest.fixture(params=SESSIONS.values(), ids=SESSIONS)
def session(lab, request):
    """An approach whose requests share a session that may reuse connections."""
    return lab.add(request.param)


def rows_of(lab, name, answer, requests=1):
    """The rows of a trial in the order of their starts, as (id, status, failed), and the end of the trial."""
    with answering(answer) as url:
        output = lab.run(name, requests=requests, url=url)
    assert output.done.outcome == "ok", output
    rows = sorted(output.rows, key=lambda row: row.start_ns)
    assert all(row.end_ns >= row.start_ns for row in rows)
    return rows, [(row.id, row.status, row.error is not None) for row in rows], output.done


def in_turn(*answers):
    """A server that reacts to each connection with the next of these."""
    left = iter(answers)

    def answer(connection, number):
        next(left)(connection, number)

    return answer


def keeps(*answers):
    """Answers one request after another on a connection, then closes it under the one that follows."""

    def answer(connection, number):
        for text in answers:
            connection.sendall(text.replace(b"%", number))
            number = (connection.recv(4096).split() or [b"", b""])[1].rpartition(b"/")[2]

    return answer


def test_retries_within_urllib3_are_attempts(lab):
    retry = "Retry(3, status_forcelist=[503], backoff_factor=0.01)"
    name = lab.add(REQUESTS.format(retry=retry))
    _, found, done = rows_of(lab, name, in_turn(sends(REFUSAL), resets, sends(b""), sends(ANSWER)))
    assert found == [(1, 503, False), (1, None, True), (1, None, True), (1, 200, False)]
    assert done.answers == (1,)


def test_a_retry_on_a_connection_that_is_kept_is_an_attempt(lab):
    name = lab.add(REQUESTS.format(retry="Retry(3, status_forcelist=[503], backoff_factor=0.01)"))
    rows, found, _ = rows_of(lab, name, keeps(KEPT_REFUSAL, KEPT))
    assert found == [(1, 503, False), (1, 200, False)]
    assert [row.connected_ns is None for row in rows] == [False, True]


def test_a_connection_that_is_refused_is_an_attempt(lab):
    name = lab.add(REQUESTS.format(retry="Retry(2, backoff_factor=0.01)"))
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    output = lab.run(name, requests=1, url=f"http://127.0.0.1:{port}")
    assert [(row.id, row.status, row.connected_ns) for row in output.rows] == [(1, None, None)] * 3
    assert all("refused" in row.error for row in output.rows)


def test_a_request_that_aiohttp_repeats_by_itself_is_an_attempt(lab):
    """It does so once if a connection ends without an answer, as a kept connection may."""
    _, found, done = rows_of(lab, lab.add(AIOHTTP), in_turn(keeps(KEPT), keeps(KEPT)), requests=2)
    assert found == [(1, 200, False), (2, None, True), (2, 200, False)]
    assert done.answers == (1, 2)


def test_a_request_that_aiohttp_repeats_in_vain_is_two_attempts(lab):
    _, found, done = rows_of(lab, lab.add(AIOHTTP), in_turn(resets, resets))
    assert found == [(1, None, True)] * 2
    assert done.answers == (None,)
    assert done.causes is not None


def test_a_connection_lost_on_reuse_gives_each_attempt_one_end(session, lab):
    """The library makes another attempt or gives up; each row has one end, and no answer of another row."""
    _, found, done = rows_of(lab, session, in_turn(keeps(KEPT), sends(ANSWER)), requests=2)
    assert found[0] == (1, 200, False)
    assert all(failed for _, _, failed in found[1:-1])
    assert found[-1] == (2, 200, False) if done.causes is None else found[-1][2]


def test_a_timeout_before_the_answer_is_a_failure(session, lab):
    (row,), found, done = rows_of(lab, session, hangs)
    assert found == [(1, None, True)]
    assert (row.end_ns - row.start_ns) / 1e9 > 0.25
    assert "imeout" in done.causes[0]


def test_a_timeout_within_the_body_is_a_failure(session, lab):
    def stalls(connection, number):
        connection.sendall(CUT.replace(b"%", number))
        hangs(connection, number)

    (row,), found, done = rows_of(lab, session, stalls)
    assert found == [(1, 200, True)], row
    assert (row.end_ns - row.start_ns) / 1e9 > 0.25
    assert done.causes is not None


def test_a_reset_within_the_body_is_a_failure(session, lab):
    def cuts(connection, number):
        connection.sendall(CUT.replace(b"%", number))
        time.sleep(0.1)  # or the reset would overtake what was sent
        resets(connection, number)

    _, found, done = rows_of(lab, session, cuts)
    assert found == [(1, 200, True)]
    assert done.causes is not None


def test_an_answer_left_unread_while_an_exception_is_handled_has_not_failed(lab):
    name = lab.add("""
import aiohttp
async def main(urls):
    try:
        raise ConnectionError("the first attempt")
    except ConnectionError:
        async with aiohttp.ClientSession() as session, session.get(urls[0]) as response:
            return [str(response.status)]
""")
    _, found, _ = rows_of(lab, name, sends(CUT))
    assert found == [(1, 200, False)]


def test_an_answer_with_an_error_status_is_an_answer(lab):
    """It is raised before the trace hooks of aiohttp see any answer."""
    name = lab.add(AIOHTTP.replace("ClientTimeout(0.3)", "ClientTimeout(0.3), raise_for_status=True"))
    (row,), found, done = rows_of(lab, name, sends(REFUSAL))
    assert found == [(1, 503, False)]
    assert row.first_byte_ns is not None
    assert "503" in done.causes[0]


def test_each_hop_of_a_redirection_is_an_attempt(session, lab):
    moved = b"HTTP/1.1 302 Found\r\nLocation: %\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    _, found, done = rows_of(lab, session, in_turn(sends(moved), sends(ANSWER)))
    assert found == [(1, 302, False), (1, 200, False)]
    assert done.answers == (1,)
