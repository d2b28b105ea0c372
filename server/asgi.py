"""The slow server for gunicorn's asgi worker: a waiting request occupies no thread."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote_to_bytes

from server.app import DELAY_S
from server.log import log, parse_path

Message = dict[str, Any]


async def app(
    scope: Message, _receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Answer GET /TRIAL/ID with a line of text that starts with ID."""
    trial, request_id = parse_path(unquote_to_bytes(scope["raw_path"]))

    start_ns = time.monotonic_ns()
    await asyncio.sleep(DELAY_S)
    end_ns = time.monotonic_ns()

    log("request", trial=trial, id=request_id, worker=os.getpid(), start_ns=start_ns, end_ns=end_ns, status=200)
    body = f"{request_id} answered after {DELAY_S} s\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"server-timing", f"app;dur={(end_ns - start_ns) / 1e6:.3f}".encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
