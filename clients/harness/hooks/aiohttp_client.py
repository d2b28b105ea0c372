"""Hooks for aiohttp, which use its client tracing.

Tracing has no signal for an answer whose status becomes an error, or for the end of a body, so the response is hooked
as well.

https://docs.aiohttp.org/en/stable/tracing_reference.html
"""

from __future__ import annotations

import sys
from functools import wraps

from clients.harness.recorder import Request, open_request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import ModuleType, SimpleNamespace
    from typing import Any


def install(module: ModuleType) -> None:
    session, response = module.ClientSession, module.ClientResponse
    session.__init__ = _add_trace(session.__init__, module.TraceConfig)
    response.start = _record_start(response.start)
    response.release = _record_end(response.release)
    response.close = _record_end(response.close)


def _add_trace(original: Callable[..., None], trace_config: type[Any]) -> Callable[..., None]:
    @wraps(original)
    def wrapper(self: Any, *args: Any, trace_configs: list[Any] | None = None, **kwargs: Any) -> None:
        trace = trace_config()
        trace.on_request_start.append(_start)
        trace.on_connection_create_start.append(_take_connection)
        trace.on_connection_reuseconn.append(_take_connection)
        trace.on_connection_create_end.append(_connected)
        trace.on_request_headers_sent.append(_sent)
        trace.on_response_chunk_received.append(_received)
        trace.on_request_exception.append(_failed)
        original(self, *args, trace_configs=[*(trace_configs or []), trace], **kwargs)

    return wrapper


async def _start(session: Any, context: SimpleNamespace, params: Any) -> None:
    context.url, context.request = params.url, None


async def _take_connection(session: Any, context: SimpleNamespace, params: Any) -> None:
    # Before this, the request can wait in the client for a free connection; it is not in flight then.
    url = context.url
    if context.request is not None:
        context.request.end(error="the connection was lost; the request was sent again on another one")
    context.request = open_request(url.host, url.port, url.raw_path)


async def _connected(session: Any, context: SimpleNamespace, params: Any) -> None:
    if context.request is not None:
        context.request.connected()


async def _sent(session: Any, context: SimpleNamespace, params: Any) -> None:
    if context.request is not None:
        context.request.sent()


async def _received(session: Any, context: SimpleNamespace, params: Any) -> None:
    if context.request is not None:
        context.request.end(size=len(params.chunk))


async def _failed(session: Any, context: SimpleNamespace, params: Any) -> None:
    if context.request is not None:
        context.request.end(error=params.exception)


def _record_start(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @wraps(original)
    async def wrapper(self: Any, connection: Any) -> Any:
        started = await original(self, connection)
        for trace in self._traces:
            request: Request | None = getattr(trace._trace_config_ctx, "request", None)
            if isinstance(request, Request):
                request.answered(self.status)
                self._lab_request = request
                self._lab_handled = sys.exc_info()[1]
        return started

    return wrapper


def _record_end(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap the release of a response, which ends a body that was read in pieces or not at all."""

    @wraps(original)
    def wrapper(self: Any) -> Any:
        request: Request | None = getattr(self, "_lab_request", None)
        if request is not None:
            error = self.content.exception()
            raised = sys.exc_info()[1]
            if error is None and raised is not self._lab_handled and not self.content.is_eof():
                error = raised  # the exception that ended the wait for the rest of the body, such as a timeout
            request.end(error=error)
        return original(self)

    return wrapper
