"""The server's settings: SERVER_* environment variables, checked before anything starts."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from server.behaviour import PLAIN, Behaviour, BehaviourError, from_json

WORKER_CLASSES = ("sync", "gthread", "gevent", "asgi")


class SettingError(ValueError):
    """A variable holds what the server cannot use; the text names the variable, its value and what is allowed."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What one server is started with."""

    host: str  # without brackets, for IPv6 too
    port: int  # 0: the kernel chooses a free one
    workers: int
    worker_class: str
    threads: int  # in each worker
    delay_s: float
    backlog: int  # connections that wait for a worker
    behaviour: Behaviour  # what a scenario adds


def read(environ: Mapping[str, str]) -> Settings:
    """Return the settings in `environ`, with the defaults where a variable is missing or empty.

    Raises SettingError.
    """
    host, port = _bind(environ.get("SERVER_BIND") or "127.0.0.1:8000")
    worker_class = environ.get("SERVER_WORKER_CLASS") or "sync"
    if worker_class not in WORKER_CLASSES:
        message = f"SERVER_WORKER_CLASS={worker_class!r} is not one of {', '.join(WORKER_CLASSES)}"
        raise SettingError(message)
    threads = _whole_number(environ, "SERVER_THREADS", 1, 1, 1000)
    if threads > 1 and worker_class != "gthread":
        message = f"SERVER_THREADS={threads} needs SERVER_WORKER_CLASS=gthread; a {worker_class} worker has one thread"
        raise SettingError(message)
    behaviour = _behaviour(environ)
    if worker_class == "asgi" and not behaviour.plain:
        message = "SERVER_WORKER_CLASS='asgi' knows no SERVER_BEHAVIOUR; sync, gthread and gevent workers do"
        raise SettingError(message)
    return Settings(
        host=host,
        port=port,
        workers=_whole_number(environ, "SERVER_WORKERS", 3, 1, 512),
        worker_class=worker_class,
        threads=threads,
        delay_s=_seconds(environ, "SERVER_DELAY_S", 1.0, 3600),
        backlog=_whole_number(environ, "SERVER_BACKLOG", 2048, 1, 65535),
        behaviour=behaviour,
    )


def _behaviour(environ: Mapping[str, str]) -> Behaviour:
    text = environ.get("SERVER_BEHAVIOUR")
    try:
        return from_json(text) if text else PLAIN
    except BehaviourError as error:
        message = f"SERVER_BEHAVIOUR={error}"
        raise SettingError(message) from error


def _bind(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not 0 <= _number(port, int) <= 65535:
        message = f"SERVER_BIND={text!r} is not HOST:PORT with a port from 0 (any free one) to 65535"
        raise SettingError(message)
    return host, int(port)


def _whole_number(environ: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = environ.get(name) or str(default)
    if not least <= _number(text, int) <= most:
        message = f"{name}={text!r} is not a whole number from {least} to {most}"
        raise SettingError(message)
    return int(text)


def _seconds(environ: Mapping[str, str], name: str, default: float, most: int) -> float:
    text = environ.get(name) or str(default)
    if not 0 <= _number(text, float) <= most:
        message = f"{name}={text!r} is not a number of seconds from 0 to {most}"
        raise SettingError(message)
    return float(text)


def _number(text: str, kind: type[int] | type[float]) -> float:
    """Return what `text` says, or NaN, which lies in no range."""
    try:
        return kind(text)
    except ValueError:
        return math.nan
