"""The slow server on this machine, for tests: real gunicorn, and every line of its log."""

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psutil

from labkit.system.checkout import ROOT

PATIENCE_S = 20  # a test fails when an event takes longer


def start(settings: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start gunicorn with these SERVER_* variables, and without those in the environment of the tests."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("SERVER_", "GUNICORN_"))}
    return subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "-c", "server/gunicorn.conf.py"],
        cwd=ROOT,
        env=environ | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Server:
    """A running server and all its output."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self.process = start({"SERVER_BIND": "127.0.0.1:0"} | settings)
        self.events: list[dict[str, Any]] = []
        self.errors = ""
        self._changed = threading.Condition()
        self._readers = [threading.Thread(target=self._read_log), threading.Thread(target=self._read_errors)]
        for reader in self._readers:
            reader.start()

    def _read_log(self) -> None:
        assert self.process.stdout
        with self.process.stdout as log:
            for line in log:
                event = json.loads(line)  # a line that is not JSON ends the reader and fails the test
                with self._changed:
                    self.events.append(event)
                    self._changed.notify_all()

    def _read_errors(self) -> None:
        assert self.process.stderr
        with self.process.stderr as errors:
            self.errors = errors.read()

    def all(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == kind]

    def wait_for(self, kind: str, count: int) -> list[dict[str, Any]]:
        """Return the events of this kind as soon as there are `count` of them."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.all(kind)) >= count, PATIENCE_S), self.events
        return self.all(kind)

    def address(self) -> tuple[str, int]:
        host, port = self.wait_for("listening", 1)[0]["address"].rsplit(":", 1)
        return host, int(port)

    def workers(self) -> list[int]:
        return [event["worker"] for event in self.all("worker")]

    def end(self) -> None:
        """Stop it, and check that no worker is left."""
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(PATIENCE_S)
        for reader in self._readers:
            reader.join(PATIENCE_S)
        deadline = time.monotonic() + PATIENCE_S
        while any(runs(worker) for worker in self.workers()) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not [worker for worker in self.workers() if runs(worker)]


@contextmanager
def running(workers: int = 3, delay_s: float = 0.2, **settings: str) -> Iterator[Server]:
    settings = {f"SERVER_{name.upper()}": value for name, value in settings.items()}
    server = Server({"SERVER_WORKERS": str(workers), "SERVER_DELAY_S": str(delay_s)} | settings)
    try:
        server.wait_for("worker", workers)
        yield server
    finally:
        server.end()


def get(server: Server, path: str) -> tuple[http.client.HTTPResponse, str, int, int]:
    """Return the response, its body, and when the request began and was answered (monotonic, ns)."""
    host, port = server.address()
    start_ns = time.monotonic_ns()
    connection = http.client.HTTPConnection(host, port, timeout=PATIENCE_S)
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read().decode()
    end_ns = time.monotonic_ns()
    connection.close()
    return response, body, start_ns, end_ns


def send_raw(server: Server, path: bytes) -> bytes:
    """The server's complete answer to a path with bytes that no HTTP library would send."""
    with socket.create_connection(server.address(), timeout=PATIENCE_S) as connection:
        connection.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n")
        with connection.makefile("rb") as answer:
            return answer.read()
