"""aiohttp, through its own client tracing, which has no signal for an answer that becomes an error by its status, nor
for the end of a body: those are hooked in the response.

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
    session.__init__ = _traced(session.__init__, module.TraceConfig)
    response.start = _starting(response.start)
    response.release = _ending(response.release)
    response.close = _ending(response.close)


def _traced(original: Callable[..., None], trace_config: type[Any]) -> Callable[..., None]:
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
    # Not before: until here the request may wait in the client for a free connection, which is not in flight.
    url = context.url
    if context.request is not None:
        context.request.end(error="the connection was lost, and the request sent again on another")
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


def _starting(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
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


def _ending(original: Callable[..., Any]) -> Callable[..., Any]:
    """A body read in pieces, or never, ends where the response is given back."""

    @wraps(original)
    def wrapper(self: Any) -> Any:
        request: Request | None = getattr(self, "_lab_request", None)
        if request is not None:
            error = self.content.exception()
            raised = sys.exc_info()[1]
            if error is None and raised is not self._lab_handled and not self.content.is_eof():
                error = raised  # it ended the wait for the rest, as a timeout does
            request.end(error=error)
        return original(self)

    return wrapper
