"""The slow server in a scenario: behaviour.py decides the reaction to each attempt (WSGI, like app.py)."""

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

from server import rate_limit
from server.behaviour import Action, decide_action
from server.log import log, parse_path
from server.memory import lock, shared
from server.settings import read_settings

BEHAVIOUR: Final = read_settings().behaviour
DELAY_S: Final = read_settings().delay_s
NO_STATUS: Final = 0  # the status in the log if no answer was started


@dataclass(frozen=True, slots=True)
class Request:
    """One request and its answer, which takes `seconds`."""

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
        """A line that starts with the id and has the configured length."""
        line = f"{self.id} answered after {round(self.seconds, 3)} s".encode()
        return line.ljust(BEHAVIOUR.body_bytes - 1, b".") + b"\n"

    def start_answer(self, status: str, length: int, *more: tuple[str, str]) -> None:
        """Pass the status and headers to gunicorn, which sends them with the first byte of the body."""
        headers = [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(length)),
            ("Server-Timing", f"app;dur={(time.monotonic_ns() - self.start_ns) / 1e6:.3f}"),
        ]
        self.start_response(status, [*headers, *more])

    def refuse(self, status: str, *headers: tuple[str, str]) -> list[bytes]:
        """Answer at once. The body does not start with the request's id, so it cannot pass for an answer."""
        body = f"- {status}\n".encode()
        self.log(int(status[:3]))
        self.start_answer(status, len(body), *headers)
        return [body]

    def log(self, status: int, end_ns: int | None = None) -> None:
        """Log the request. It ends now if `end_ns` is None."""
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
    """React to GET /TRIAL/ID as behaviour.py decides. An id that is not a number is answered normally."""
    start_ns = time.monotonic_ns()
    trial, request_id = parse_path(environ["PATH_INFO"].encode("latin-1"))
    number = int(request_id) if request_id.isdecimal() else 0
    with lock():
        state = shared.trial(trial)
        attempt = state.count_attempt(number)
        wait_s = rate_limit.take_token(state, BEHAVIOUR, time.monotonic())

    action = decide_action(BEHAVIOUR, DELAY_S, number, attempt) if attempt else Action("answer", DELAY_S)
    did = action.kind if wait_s == 0 else "banned" if wait_s == math.inf else "refused"
    request = Request(
        environ["gunicorn.socket"], start_response, trial, request_id, attempt, did, action.seconds, start_ns
    )
    match did:
        case "banned":
            return request.refuse("403 Forbidden")
        case "refused":
            return request.refuse("429 Too Many Requests", ("Retry-After", str(rate_limit.retry_after_s(wait_s))))
        case kind:
            return ACTIONS[kind](request)


def answer(request: Request) -> Iterable[bytes]:
    """Sleep, then answer, like app.py."""
    time.sleep(request.seconds)
    body = request.body
    request.log(200)
    request.start_answer("200 OK", len(body))
    return [body]


def drip(request: Request) -> Iterator[bytes]:
    """Sleep, then send the body byte by byte, until its end or until the client disconnects."""
    time.sleep(request.seconds - BEHAVIOUR.drip_s)
    body = request.body
    request.start_answer("200 OK", len(body))
    start_s, end_ns = time.monotonic(), None
    try:
        for number, byte in enumerate(body, 1):
            due_s = start_s + BEHAVIOUR.drip_s * number / len(body)
            time.sleep(max(0.0, due_s - time.monotonic()))
            end_ns = time.monotonic_ns()  # before the client can receive the byte
            yield bytes([byte])
    finally:
        request.log(200, end_ns)


def hang(request: Request) -> NoReturn:
    """Never answer; end when the client disconnects or the server stops."""
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
    """Answer 503 at once."""
    return request.refuse("503 Service Unavailable")


def reset_before(request: Request) -> NoReturn:
    """Sleep, then reset the connection instead of answering."""
    time.sleep(request.seconds)
    request.log(NO_STATUS)
    reset(request.connection)


def reset_within(request: Request) -> Iterator[bytes]:
    """Sleep, send half of the answer, then reset the connection."""
    time.sleep(request.seconds)
    body = request.body
    request.log(200)
    request.start_answer("200 OK", len(body))
    yield body[: len(body) // 2]
    reset(request.connection)


def crash(request: Request) -> NoReturn:
    """Kill this worker during the request; gunicorn starts another one."""
    time.sleep(request.seconds)
    _kill_worker(request)


def restart(request: Request) -> NoReturn:
    """Kill this worker; gunicorn's master then restarts the whole server (restart.py)."""
    time.sleep(request.seconds)
    with lock():
        shared.restarting = True
    _kill_worker(request)


ACTIONS: dict[str, Callable[[Request], Iterable[bytes]]] = {
    action.__name__: action for action in (answer, drip, hang, unavailable, reset_before, reset_within, crash, restart)
}


def _kill_worker(request: Request) -> NoReturn:
    log("gone", worker=os.getpid())
    request.log(NO_STATUS)
    with lock():  # no other thread is changing the shared state
        os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable after SIGKILL")


def reset(connection: socket.socket) -> NoReturn:
    """Close the connection with an RST. gunicorn then closes an unconnected socket in its place."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with socket.socket() as unconnected:
        os.dup2(unconnected.fileno(), connection.fileno(), inheritable=False)
    raise ConnectionResetError(errno.ECONNRESET, "reset by the scenario")
