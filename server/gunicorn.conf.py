"""gunicorn's settings, from SERVER_* variables (settings.py). Run it in the repository's root:

    python -m gunicorn -c server/gunicorn.conf.py

Standard output contains only JSON lines: "listening" with the real address, "worker" for each worker that is ready to
take requests, "request" for each request. gunicorn's own messages go to standard error.

With a SERVER_BEHAVIOUR, scenario.py replaces app.py, and logs a "gone" line for each worker that is killed.
"""

import math
import resource
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn

from server.log import log
from server.settings import SettingError, read_settings

# One worker handles 10,000 requests in flight, and as many connections that are closing.
MAX_CONNECTIONS = 20_000


def fail(message: object, code: int) -> NoReturn:
    """Exit before the server starts, with one sentence on standard error."""
    print(f"slow server: {message}", file=sys.stderr)
    sys.exit(code)


try:
    settings = read_settings()
except SettingError as error:
    fail(error, 2)

if not settings.behaviour.plain:
    from server import memory, restart  # allocates the shared state before the fork

    wsgi_app = "server.scenario:app"
elif settings.worker_class == "asgi":
    wsgi_app = "server.asgi:app"
else:
    wsgi_app = "server.app:app"
bind = f"[{settings.host}]:{settings.port}" if ":" in settings.host else f"{settings.host}:{settings.port}"
backlog = settings.backlog
workers = settings.workers
worker_class = settings.worker_class
threads = settings.threads

if worker_class == "gthread":
    # A worker accepts one connection per thread. It would queue more of them while other workers are idle.
    worker_connections = threads
    keepalive = 0  # an idle connection would occupy a thread
else:
    worker_connections = MAX_CONNECTIONS
    keepalive = 60  # longer than a client keeps an idle connection, so the server never closes one in use

# gunicorn would kill a worker that sleeps in a request, but this server is slow on purpose.
timeout = 0
# After a trial no client waits for the requests in flight.
graceful_timeout = 1
# A request whose client has disconnected is not cancelled: it is logged when its answer is ready.
asgi_disconnect_grace_period = math.ceil(settings.delay_s) + 1
asgi_lifespan = "off"
asgi_loop = "asyncio"

# Each byte of the request line can become three in the log; a log line must be a single write to a pipe.
limit_request_line = 1024
# Heartbeat files in memory: on a disk a heartbeat can block a worker. (macOS has no /dev/shm.)
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None
control_socket_disable = True
errorlog = "-"


def on_starting(_arbiter: Any) -> None:
    """Raise the limit on open files, and fail at once if the address is in use: gunicorn would retry five times."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = MAX_CONNECTIONS + 100
    if hard != resource.RLIM_INFINITY:
        files = min(files, hard)
    if soft != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(files, soft), hard))
    try:
        with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
    except OSError as error:
        fail(f"cannot listen on {bind} (SERVER_BIND): {error.strerror}", 3)


def when_ready(arbiter: Any) -> None:
    """Log the address. With port 0, this is the only place where it is known."""
    host, port = arbiter.LISTENERS[0].getsockname()[:2]
    log("listening", address=f"[{host}]:{port}" if ":" in host else f"{host}:{port}")


def post_worker_init(worker: Any) -> None:
    """Log that a worker has loaded the application and can take requests."""
    log("worker", worker=worker.pid)


def child_exit(arbiter: Any, _worker: Any) -> None:
    """Restart the whole server if the killed worker requested it."""
    if not settings.behaviour.plain and memory.shared.restarting:
        memory.shared.restarting = False
        restart.restart(arbiter, settings.behaviour.away_s)
