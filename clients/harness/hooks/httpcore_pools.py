"""Hooks for httpcore, the transport of httpx, which use its trace extension.

https://www.encode.io/httpcore/extensions/#trace
"""

from __future__ import annotations

from functools import wraps

from clients.harness.recorder import Request, open_request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import ModuleType
    from typing import Any


def install(module: ModuleType) -> None:
    sync_pool, async_pool = module.ConnectionPool, module.AsyncConnectionPool
    sync_pool.handle_request = _sync(sync_pool.handle_request)
    async_pool.handle_async_request = _async(async_pool.handle_async_request)


class _Trace:
    """Records one request. httpcore calls it at each phase."""

    def __init__(self, url: Any) -> None:
        self.url = url
        self.request: Request | None = None
        self.size: int | None = None

    def __call__(self, event: str, info: dict[str, Any]) -> None:
        if event in {"connection.connect_tcp.started", "http11.send_request_headers.started"}:
            # A reused connection starts with the second event.
            self.request = self.request or open_request(
                self.url.host.decode(), self.url.port, self.url.target.decode("latin-1")
            )
        if self.request is None:
            return
        if event == "connection.connect_tcp.complete":
            self.request.connected()
        elif event == "http11.send_request_body.complete":
            self.request.sent()
        elif event == "http11.receive_response_headers.complete":
            _, status, _, headers = info["return_value"]
            self.request.answered(status)
            lengths = [int(value) for name, value in headers if name.lower() == b"content-length"]
            self.size = lengths[0] if lengths else None
        elif event == "http11.receive_response_body.complete":
            self.request.end(size=self.size)
        elif event.endswith(".failed"):
            self.request.end(error=info["exception"])
        elif event == "http11.response_closed.started":
            self.request.end(error="closed before the body was read")

    async def call_async(self, event: str, info: dict[str, Any]) -> None:
        self(event, info)


def _sync(original: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    @wraps(original)
    def wrapper(self: Any, request: Any) -> Any:
        request.extensions = {"trace": _Trace(request.url), **request.extensions}
        return original(self, request)

    return wrapper


def _async(original: Callable[[Any, Any], Awaitable[Any]]) -> Callable[[Any, Any], Awaitable[Any]]:
    @wraps(original)
    async def wrapper(self: Any, request: Any) -> Any:
        request.extensions = {"trace": _Trace(request.url).call_async, **request.extensions}
        return await original(self, request)

    return wrapper
