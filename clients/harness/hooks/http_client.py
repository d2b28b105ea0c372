"""Hooks for http.client, the transport of requests, urllib3 and urllib.request."""

from __future__ import annotations

import sys
from functools import wraps

from clients.harness.recorder import Request, open_request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from http.client import HTTPConnection, HTTPResponse
    from types import ModuleType
    from typing import Any


def install(module: ModuleType) -> None:
    connection, response = module.HTTPConnection, module.HTTPResponse
    connection.putrequest = _putrequest(connection.putrequest)
    connection.connect = record_phase(connection.connect, Request.connected)
    connection.endheaders = record_phase(connection.endheaders, Request.sent)
    connection.getresponse = _getresponse(connection.getresponse)
    # Every complete or abandoned read of a body ends here.
    response._close_conn = _close_conn(response._close_conn)
    for name in ("read", "read1", "readinto"):  # a failed read does not close the response
        setattr(response, name, _record_failure(getattr(response, name)))


def record_phase(original: Callable[..., None], phase: Callable[[Request], None]) -> Callable[..., None]:
    """Wrap a method of a connection: `phase` records its return, and an exception ends the request."""

    @wraps(original)
    def wrapper(self: HTTPConnection, *args: Any, **kwargs: Any) -> None:
        request: Request | None = self.__dict__.get("_lab_request")
        if request is None:
            return original(self, *args, **kwargs)
        try:
            original(self, *args, **kwargs)
        except BaseException as error:
            request.end(error=error)
            raise
        return phase(request)

    return wrapper


def _putrequest(original: Callable[..., None]) -> Callable[..., None]:
    @wraps(original)
    def wrapper(self: HTTPConnection, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        self.__dict__["_lab_request"] = open_request(self.host, self.port, url)
        original(self, method, url, *args, **kwargs)

    return wrapper


def _getresponse(original: Callable[[HTTPConnection], HTTPResponse]) -> Callable[[HTTPConnection], HTTPResponse]:
    @wraps(original)
    def wrapper(self: HTTPConnection) -> HTTPResponse:
        request: Request | None = self.__dict__.get("_lab_request")
        if request is None:
            return original(self)
        try:
            response = original(self)
        except BaseException as error:
            request.end(error=error)
            raise
        request.answered(response.status)
        response.__dict__["_lab_request"] = request
        response.__dict__["_lab_length"] = response.length
        response.__dict__["_lab_handled"] = sys.exc_info()[1]
        return response

    return wrapper


def _close_conn(original: Callable[[HTTPResponse], None]) -> Callable[[HTTPResponse], None]:
    @wraps(original)
    def wrapper(self: HTTPResponse) -> None:
        original(self)
        request: Request | None = self.__dict__.pop("_lab_request", None)
        if request is None:
            return
        whole, missing = self.__dict__["_lab_length"], self.length or 0
        size = None if whole is None else whole - missing
        error = sys.exc_info()[1]
        if error is self.__dict__["_lab_handled"]:  # the caller was already handling it
            error = None
        if error is None and missing:
            request.end(size=size, error=f"closed after {size} of {whole} bytes")
        else:
            request.end(size=size, error=error)

    return wrapper


def _record_failure(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def wrapper(self: HTTPResponse, *args: Any, **kwargs: Any) -> Any:
        self.__dict__["_lab_handled"] = sys.exc_info()[1]
        try:
            return original(self, *args, **kwargs)
        except BaseException as error:
            request: Request | None = self.__dict__.pop("_lab_request", None)
            if request is not None:
                request.end(error=error)
            raise

    return wrapper
