"""gunicorn's settings, all from SERVER_* variables (settings.py). From the repository's root:

    python -m gunicorn -c server/gunicorn.conf.py

Standard output carries JSON lines alone: "listening" with the real address, "worker" for each worker that is ready
to take requests, "request" for each answer. gunicorn's own messages go to standard error.

With a SERVER_BEHAVIOUR, scenario.py answers in the place of app.py; "gone" then tells of each worker that is killed.
"""

import math
import os
import resource
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn

from server.log import log
from server.settings import SettingError, read

# One worker carries 10,000 requests in flight, and as many connections again that are about to close.
MAX_CONNECTIONS = 20_000


def give_up(message: object, code: int) -> NoReturn:
    """End before anything has started, with one sentence on standard error."""
    print(f"slow server: {message}", file=sys.stderr)
    sys.exit(code)


try:
    settings = read(os.environ)
except SettingError as error:
    give_up(error, 2)

if not settings.behaviour.plain:
    from server import memory, restart  # here, before the fork

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
    # A worker takes no more connections than it has threads. It would queue the rest for itself while others idle.
    worker_connections = threads
    keepalive = 0  # an idle connection would hold one of those places
else:
    worker_connections = MAX_CONNECTIONS
    keepalive = 60  # longer than a client leaves a connection idle, so that none is closed under a request

# A worker that sleeps in a request looks dead to gunicorn, but slow answers are what this server is for.
timeout = 0
# Nobody waits for the requests in flight when a trial is over.
graceful_timeout = 1
# A client that gave up must not cancel its request: it is logged when its answer would have been ready.
asgi_disconnect_grace_period = math.ceil(settings.delay_s) + 1
asgi_lifespan = "off"
asgi_loop = "asyncio"

# The longest request line, of which each byte may become three in the log, still is a single write to a pipe.
limit_request_line = 1024
# Heartbeat files in memory: on a disk each beat may block a worker. (macOS has no /dev/shm.)
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None
control_socket_disable = True
errorlog = "-"


def on_starting(_arbiter: Any) -> None:
    """Raise the limit on open files, and say at once if the address is taken: gunicorn tries five times first."""
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
        give_up(f"cannot listen on {bind} (SERVER_BIND): {error.strerror}", 3)


def when_ready(arbiter: Any) -> None:
    """Tell the address; with port 0 this is the only place where it is known."""
    host, port = arbiter.LISTENERS[0].getsockname()[:2]
    log("listening", address=f"[{host}]:{port}" if ":" in host else f"{host}:{port}")


def post_worker_init(worker: Any) -> None:
    """Tell that one more worker has its application loaded; its requests wait in the backlog from here on."""
    log("worker", worker=worker.pid)


def child_exit(arbiter: Any, _worker: Any) -> None:
    """See whether the worker that was killed wanted the whole server to go."""
    if not settings.behaviour.plain and memory.shared.going_away:
        memory.shared.going_away = False
        restart.restart(arbiter, settings.behaviour.away_s)
