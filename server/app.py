"""The slow server: it answers each request after SERVER_DELAY_S seconds."""

import os
import time
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from server.log import log, parse_path
from server.settings import read_settings

DELAY_S = read_settings().delay_s


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer GET /TRIAL/ID with a line of text that starts with ID (WSGI, for the sync, gthread and gevent workers)."""
    trial, request_id = parse_path(environ["PATH_INFO"].encode("latin-1"))

    start_ns = time.monotonic_ns()
    time.sleep(DELAY_S)
    end_ns = time.monotonic_ns()

    log("request", trial=trial, id=request_id, worker=os.getpid(), start_ns=start_ns, end_ns=end_ns, status=200)
    body = f"{request_id} answered after {DELAY_S} s\n".encode()
    headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("Server-Timing", f"app;dur={(end_ns - start_ns) / 1e6:.3f}"),
    ]
    start_response("200 OK", headers)
    return [body]
