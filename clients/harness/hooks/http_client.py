"""http.client: what requests, urllib3 and urllib.request send their requests with."""

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
    connection.connect = connect(connection.connect)
    connection.endheaders = _endheaders(connection.endheaders)
    connection.getresponse = _getresponse(connection.getresponse)
    # Every way of reading a body to its end, and of giving it up, comes through this one place.
    response._close_conn = _close_conn(response._close_conn)
    for name in ("read", "read1", "readinto"):  # a failed read leaves the response open
        setattr(response, name, _reading(getattr(response, name)))


def connect(original: Callable[[HTTPConnection], None]) -> Callable[[HTTPConnection], None]:
    """Wrap a ``connect`` method so that it notes when the connection stood, or why it never did."""

    @wraps(original)
    def wrapper(self: HTTPConnection) -> None:
        request: Request | None = self.__dict__.get("_lab_request")
        if request is None:
            return original(self)
        try:
            original(self)
        except BaseException as error:
            request.end(error=error)
            raise
        return request.connected()

    return wrapper


def _putrequest(original: Callable[..., None]) -> Callable[..., None]:
    @wraps(original)
    def wrapper(self: HTTPConnection, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        self.__dict__["_lab_request"] = open_request(self.host, self.port, url)
        original(self, method, url, *args, **kwargs)

    return wrapper


def _endheaders(original: Callable[..., None]) -> Callable[..., None]:
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
        return request.sent()

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
        if error is self.__dict__["_lab_handled"]:  # the caller was handling it before
            error = None
        if error is None and missing:
            request.end(size=size, error=f"closed after {size} of {whole} bytes")
        else:
            request.end(size=size, error=error)

    return wrapper


def _reading(original: Callable[..., Any]) -> Callable[..., Any]:
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
