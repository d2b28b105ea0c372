"""The errors of Locust's HTTP client as texts that can be counted."""

from __future__ import annotations

import pytest
from gevent import Timeout
from geventhttpclient.useragent import BadStatusCode, ConnectionError, EmptyResponse, RetriesExceeded  # noqa: A004

from loadtest.client import describe_error

REFUSED = ConnectionRefusedError(111, "Connection refused")


def url(number):
    return f"http://127.0.0.1:8000/t1/{number}"


@pytest.mark.parametrize(
    ("failure", "text"),
    [
        (lambda _: None, None),
        (lambda number: BadStatusCode(url(number), code=503), "status 503"),
        (lambda number: RetriesExceeded(url(number), 0, original=BadStatusCode(url(number), code=500)), "status 500"),
        (
            lambda number: RetriesExceeded(url(number), 0, original=REFUSED),
            "ConnectionRefusedError: [Errno 111] Connection refused",
        ),
        (lambda _: ConnectionResetError(104, "reset"), "ConnectionResetError: [Errno 104] reset"),
        (lambda number: ConnectionError(url(number), REFUSED), "ConnectionError: [Errno 111] Connection refused"),
        (lambda number: ConnectionError(url(number)), "ConnectionError"),
        (lambda number: ConnectionError(url(number), TimeoutError()), "ConnectionError"),
        (
            lambda number: EmptyResponse(url(number), "Empty response body received"),
            "EmptyResponse: Empty response body received",
        ),
        (lambda _: TimeoutError("timed out"), "TimeoutError: timed out"),
        (lambda _: TimeoutError(), "TimeoutError"),
        (lambda _: Timeout(3), "Timeout: 3 seconds"),
    ],
)
def test_equal_errors_of_different_requests_have_equal_texts(failure, text):
    assert {describe_error(failure(number)) for number in (1, 2, 30)} == {text}
