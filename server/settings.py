"""The server's settings: SERVER_* environment variables, validated before the server starts."""

import math
import os
from dataclasses import dataclass
from functools import cache

from server.behaviour import PLAIN, Behaviour, BehaviourError, from_json

WORKER_CLASSES = ("sync", "gthread", "gevent", "asgi")


class SettingError(ValueError):
    """A variable has an invalid value; the message names the variable, its value and the allowed values."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one server."""

    host: str  # without brackets, for IPv6 too
    port: int  # 0: the kernel chooses a free one
    workers: int
    worker_class: str
    threads: int  # per worker
    delay_s: float
    backlog: int  # connections that wait for a worker
    behaviour: Behaviour  # the faults of a scenario


@cache
def read_settings() -> Settings:
    """Return the settings in the environment; a missing or empty variable has its default.

    gunicorn's master reads them, and its workers inherit the result. Raises `SettingError`.
    """
    host, port = _bind()
    worker_class = os.environ.get("SERVER_WORKER_CLASS") or "sync"
    if worker_class not in WORKER_CLASSES:
        message = f"SERVER_WORKER_CLASS={worker_class!r} is not one of {', '.join(WORKER_CLASSES)}"
        raise SettingError(message)
    threads = _whole_number("SERVER_THREADS", 1, 1, 1000)
    if threads > 1 and worker_class != "gthread":
        message = f"SERVER_THREADS={threads} needs SERVER_WORKER_CLASS=gthread; a {worker_class} worker has one thread"
        raise SettingError(message)
    behaviour = _behaviour()
    if worker_class == "asgi" and not behaviour.plain:
        message = "SERVER_WORKER_CLASS='asgi' does not support SERVER_BEHAVIOUR; use sync, gthread or gevent"
        raise SettingError(message)
    return Settings(
        host=host,
        port=port,
        workers=_whole_number("SERVER_WORKERS", 3, 1, 512),
        worker_class=worker_class,
        threads=threads,
        delay_s=_seconds("SERVER_DELAY_S", 1.0, 3600),
        backlog=_whole_number("SERVER_BACKLOG", 2048, 1, 65535),
        behaviour=behaviour,
    )


def _behaviour() -> Behaviour:
    text = os.environ.get("SERVER_BEHAVIOUR")
    try:
        return from_json(text) if text else PLAIN
    except BehaviourError as error:
        message = f"SERVER_BEHAVIOUR={error}"
        raise SettingError(message) from error


def _bind() -> tuple[str, int]:
    text = os.environ.get("SERVER_BIND") or "127.0.0.1:8000"
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not 0 <= _number(port, int) <= 65535:
        message = f"SERVER_BIND={text!r} is not HOST:PORT with a port from 0 (any free port) to 65535"
        raise SettingError(message)
    return host, int(port)


def _whole_number(name: str, default: int, minimum: int, maximum: int) -> int:
    text = os.environ.get(name) or str(default)
    if not minimum <= _number(text, int) <= maximum:
        message = f"{name}={text!r} is not a whole number from {minimum} to {maximum}"
        raise SettingError(message)
    return int(text)


def _seconds(name: str, default: float, maximum: int) -> float:
    text = os.environ.get(name) or str(default)
    if not 0 <= _number(text, float) <= maximum:
        message = f"{name}={text!r} is not a number of seconds from 0 to {maximum}"
        raise SettingError(message)
    return float(text)


def _number(text: str, kind: type[int] | type[float]) -> float:
    """Parse `text`; NaN, which is in no range, if it is not a number."""
    try:
        return kind(text)
    except ValueError:
        return math.nan
