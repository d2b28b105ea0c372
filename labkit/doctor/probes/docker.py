"""The engine, its socket, its Compose plugin, and the runtime that the lab will use."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress

from labkit.doctor import remedies
from labkit.doctor.engine_info import EngineInfo
from labkit.doctor.machine import Machine
from labkit.model.finding import Finding, failed, ok, warning
from labkit.system.command import NO_ANSWER

PLACE = 20

# The API of Docker 20.10.
OLDEST_API = (1, 41)
TOO_OLD = "older than 20.10: it lacks COPY --chmod, for the image's build, and one-shot statistics, for CPU time"
# With 2.19 came --progress before the command.
OLDEST_COMPOSE = (2, 19)

_NO_RIGHTS = re.compile(r"permission denied", re.IGNORECASE)
_NO_LISTENER = re.compile(
    r"cannot connect|no such file|connection refused|failed to connect|is the docker daemon", re.IGNORECASE
)
_WINDOWS_CONTAINERS = "windows"
_JOIN_GROUP = 'sudo usermod -aG docker "$USER" && newgrp docker'


def probe(machine: Machine) -> Iterator[Finding]:
    engine, family = machine.engine, remedies.distribution()
    yield judge_engine(engine, machine.system, family, machine.environ)
    if engine.answers or _NO_RIGHTS.search(engine.trouble):
        yield judge_rights(engine, _socket_owner(engine.endpoint))
    if engine.command:
        yield judge_compose(engine, machine.system, family)
    yield judge_runtime(engine, local=machine.runs_local)


def judge_engine(engine: EngineInfo, system: str, family: tuple[str, ...], environ: Mapping[str, str]) -> Finding:
    name, install = "engine", remedies.install_docker(system, family)
    if not engine.command:
        return warning(name, "the docker command is not installed", install)
    address = f"context {engine.context or '?'}, {engine.endpoint or 'no endpoint'}"
    if environ.get("DOCKER_HOST"):
        address = f"DOCKER_HOST={engine.endpoint}"
    readings = {"context": engine.context, "endpoint": engine.endpoint, "version": engine.version or None}
    if _NO_RIGHTS.search(engine.trouble):
        return warning(name, f"this user has no permission to use it ({address})", _JOIN_GROUP, **readings)
    if not engine.answers:
        reason = "nothing listens there" if _NO_LISTENER.search(engine.trouble) else engine.trouble.splitlines()[-1]
        start = remedies.start_docker(system, environ, engine.context)
        return warning(name, f"does not answer: {reason} ({address})", start, **readings)
    message = f"Docker {engine.version}, API {engine.api} ({address})"
    if is_too_old(engine):
        return warning(name, f"{message} is {TOO_OLD}", install, **readings)
    if engine.info.get("OSType") == _WINDOWS_CONTAINERS:
        switch = "docker desktop engine use linux"
        return warning(name, f"{message} runs Windows containers; the lab needs Linux ones", switch, **readings)
    return ok(name, message, **readings)


def judge_rights(engine: EngineInfo, socket_owner: str) -> Finding:
    """A rootless engine belongs to the user."""
    if not engine.answers:
        return warning("rights", f"this user may not use {engine.endpoint}{socket_owner}", _JOIN_GROUP)
    rootless = any("rootless" in str(option) for option in engine.info.get("SecurityOptions") or ())
    return ok("rights", "the engine is this user's own (rootless)" if rootless else "this user may use the engine")


def judge_compose(engine: EngineInfo, system: str, family: tuple[str, ...]) -> Finding:
    name, install = "compose", remedies.install_docker(system, family)
    if engine.compose_trouble.startswith(NO_ANSWER):
        return warning(name, engine.compose_trouble, "docker compose version", version=None)
    if not engine.compose:
        return warning(name, "docker has no working Compose plugin", install, version=None)
    if version_numbers(engine.compose) < OLDEST_COMPOSE:
        message = f"Compose {engine.compose} is older than 2.19 and lacks the option --progress"
        return warning(name, message, install, version=engine.compose)
    return ok(name, f"Compose {engine.compose}", version=engine.compose)


def judge_runtime(engine: EngineInfo, *, local: bool) -> Finding:
    """The runtime that `--runtime auto` chooses. Without any, the lab cannot run."""
    if is_usable(engine):
        return ok("runtime", "docker, and also local" if local else "docker", runtime="docker")
    if engine.answers and engine.compose and local:
        message = "docker answers but does not meet the lab's needs; processes on this machine work"
        return warning("runtime", message, "python lab.py compare --runtime local", runtime="local")
    if local:
        return ok("runtime", "local, with processes on this machine; docker does not work", runtime="local")
    message = "none: docker does not work, and without it the lab needs Linux or macOS"
    return failed("runtime", message, "docker desktop start" if engine.command else "wsl --install", runtime=None)


def is_usable(engine: EngineInfo) -> bool:
    """True if the docker runtime works with this engine."""
    linux = engine.info.get("OSType") != _WINDOWS_CONTAINERS
    return engine.answers and linux and not is_too_old(engine) and version_numbers(engine.compose) >= OLDEST_COMPOSE


def is_too_old(engine: EngineInfo) -> bool:
    return version_numbers(engine.api) < OLDEST_API


def version_numbers(version: str) -> tuple[int, ...]:
    """The first two numbers of a version, or fewer: (2, 26) for ``v2.26.1-4``."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])


def _socket_owner(endpoint: str) -> str:
    """The group of a local socket and its permissions, in words."""
    with suppress(OSError, ImportError, KeyError):
        import grp  # noqa: PLC0415 - not on Windows

        status = os.stat(endpoint.removeprefix("unix://"))  # noqa: PTH116 - an endpoint, not yet a path
        return f", which is for the group {grp.getgrgid(status.st_gid).gr_name} ({stat.filemode(status.st_mode)})"
    return ""
