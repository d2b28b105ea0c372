"""The slow server in a scenario: it does to each attempt what behaviour.py says (WSGI, as app.py)."""

import errno
import math
import os
import signal
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NoReturn
from wsgiref.types import StartResponse, WSGIEnvironment

from server import behaviour, limit
from server.app import DELAY_S
from server.log import log, names
from server.memory import lock, shared

BEHAVIOUR: Final = behaviour.from_json(os.environ["SERVER_BEHAVIOUR"])
NO_STATUS: Final = 0  # what is logged of a request that no answer was begun to


@dataclass(frozen=True, slots=True)
class Request:
    """One request, and how it is answered and logged. `seconds` is what its answer takes."""

    connection: socket.socket
    start_response: StartResponse
    trial: str
    id: str
    attempt: int
    did: str
    seconds: float
    start_ns: int

    @property
    def body(self) -> bytes:
        """A line that starts with the id, as long as the behaviour wants it."""
        line = f"{self.id} answered after {round(self.seconds, 3)} s".encode()
        return line.ljust(BEHAVIOUR.body_bytes - 1, b".") + b"\n"

    def begin(self, status: str, length: int, *more: tuple[str, str]) -> None:
        """Hand gunicorn the status and headers, which leave with the first byte of the body."""
        headers = [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(length)),
            ("Server-Timing", f"app;dur={(time.monotonic_ns() - self.start_ns) / 1e6:.3f}"),
        ]
        self.start_response(status, [*headers, *more])

    def refuse(self, status: str, *headers: tuple[str, str]) -> list[bytes]:
        """Answer at once, with a body that starts with no request's id."""
        body = f"- {status}\n".encode()
        self.log(int(status[:3]))
        self.begin(status, len(body), *headers)
        return [body]

    def log(self, status: int, end_ns: int | None = None) -> None:
        """Write the request's line; it ends now unless `end_ns` says when it did."""
        log(
            "request",
            trial=self.trial,
            id=self.id,
            worker=os.getpid(),
            start_ns=self.start_ns,
            end_ns=end_ns or time.monotonic_ns(),
            status=status,
            attempt=self.attempt,
            did=self.did,
        )


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Do to GET /TRIAL/ID what this attempt at it is meant to meet. An id that is no number is answered as ever."""
    start_ns = time.monotonic_ns()
    trial, request_id = names(environ["PATH_INFO"].encode("latin-1"))
    number = int(request_id) if request_id.isdecimal() else 0
    with lock():
        known = shared.trial(trial)
        attempt = known.count(number)
        early_s = limit.early_s(known, BEHAVIOUR, time.monotonic())

    act = behaviour.act(BEHAVIOUR, DELAY_S, number, attempt) if attempt else behaviour.Act("answer", DELAY_S)
    did = act.kind if early_s == 0 else "banned" if early_s == math.inf else "refused"
    request = Request(
        environ["gunicorn.socket"], start_response, trial, request_id, attempt, did, act.seconds, start_ns
    )
    match did:
        case "banned":
            return request.refuse("403 Forbidden")
        case "refused":
            return request.refuse("429 Too Many Requests", ("Retry-After", str(limit.retry_after_s(early_s))))
        case kind:
            return DO[kind](request)


def answer(request: Request) -> Iterable[bytes]:
    """Sleep and answer, as app.py does."""
    time.sleep(request.seconds)
    body = request.body
    request.log(200)
    request.begin("200 OK", len(body))
    return [body]


def drip(request: Request) -> Iterator[bytes]:
    """Sleep, then let go of the body byte by byte. It is over with the last byte, or when the client leaves."""
    time.sleep(request.seconds - BEHAVIOUR.drip_s)
    body = request.body
    request.begin("200 OK", len(body))
    begun_s, end_ns = time.monotonic(), None
    try:
        for number, byte in enumerate(body, 1):
            due_s = begun_s + BEHAVIOUR.drip_s * number / len(body)
            time.sleep(max(0.0, due_s - time.monotonic()))
            end_ns = time.monotonic_ns()  # before the client can have the byte
            yield bytes([byte])
    finally:
        request.log(200, end_ns)


def hang(request: Request) -> NoReturn:
    """Never answer, but do not outlast the client or the server."""
    server = os.getppid()
    request.connection.settimeout(1.0)
    while os.getppid() == server:
        try:
            if not request.connection.recv(4096):
                break
        except TimeoutError:
            continue
        except OSError:
            break
    request.log(NO_STATUS)
    reset(request.connection)


def unavailable(request: Request) -> Iterable[bytes]:
    """Say so at once."""
    return request.refuse("503 Service Unavailable")


def reset_before(request: Request) -> NoReturn:
    """Sleep, then reset the connection instead of answering."""
    time.sleep(request.seconds)
    request.log(NO_STATUS)
    reset(request.connection)


def reset_within(request: Request) -> Iterator[bytes]:
    """Sleep, send half of the answer, and reset the connection."""
    time.sleep(request.seconds)
    body = request.body
    request.log(200)
    request.begin("200 OK", len(body))
    yield body[: len(body) // 2]
    reset(request.connection)


def crash(request: Request) -> NoReturn:
    """Kill this worker in the middle of the request; gunicorn starts another."""
    time.sleep(request.seconds)
    _die(request)


def restart(request: Request) -> NoReturn:
    """Kill this worker, upon which gunicorn's master has the whole server go away (restart.py)."""
    time.sleep(request.seconds)
    with lock():
        shared.going_away = True
    _die(request)


DO: dict[str, Callable[[Request], Iterable[bytes]]] = {
    act.__name__: act for act in (answer, drip, hang, unavailable, reset_before, reset_within, crash, restart)
}


def _die(request: Request) -> NoReturn:
    log("gone", worker=os.getpid())
    request.log(NO_STATUS)
    with lock():  # so that no other thread leaves the memory half changed
        os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("a process survives no SIGKILL")


def reset(connection: socket.socket) -> NoReturn:
    """Close the connection with an RST. gunicorn, which closes gently, finds an unconnected socket in its place."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with socket.socket() as unconnected:
        os.dup2(unconnected.fileno(), connection.fileno(), inheritable=False)
    raise ConnectionResetError(errno.ECONNRESET, "reset by the scenario")
