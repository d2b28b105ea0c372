"""The engine, how it is reached, its Compose plugin, and which runtime the lab has in the end."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress

from labkit.doctor import remedies
from labkit.doctor.command import NO_ANSWER
from labkit.doctor.engine import Engine
from labkit.doctor.machine import Machine
from labkit.model.finding import Finding, failed, ok, warning

PLACE = 20

# The API of Docker 20.10, and what the lab uses of it that older engines lack.
OLDEST_API = (1, 41)
TOO_OLD = "older than 20.10: it cannot build the image (COPY --chmod), nor tell the server's CPU time at once"
# With 2.19 came --progress before the command.
OLDEST_COMPOSE = (2, 19)

_NO_RIGHTS = re.compile(r"permission denied", re.IGNORECASE)
_NOBODY = re.compile(
    r"cannot connect|no such file|connection refused|failed to connect|is the docker daemon", re.IGNORECASE
)
_WINDOWS_CONTAINERS = "windows"


def probe(machine: Machine) -> Iterator[Finding]:
    engine, family = machine.engine, remedies.distribution()
    yield judge_engine(engine, machine.system, family, machine.environ)
    if engine.answers or _NO_RIGHTS.search(engine.trouble):
        yield judge_rights(engine, _socket_owner(engine.endpoint))
    if engine.command:
        yield judge_compose(engine, machine.system, family)
    yield judge_runtime(engine, local=machine.runs_local)


def judge_engine(engine: Engine, system: str, family: tuple[str, ...], environ: Mapping[str, str]) -> Finding:
    name = "engine"
    if not engine.command:
        return warning(name, "the docker command is not there", remedies.install_docker(system, family))
    named = f"context {engine.context or '?'}, {engine.endpoint or 'no endpoint'}"
    if environ.get("DOCKER_HOST"):
        named = f"DOCKER_HOST={engine.endpoint}"
    figures = {"context": engine.context, "endpoint": engine.endpoint, "version": engine.version or None}
    if _NO_RIGHTS.search(engine.trouble):
        return warning(name, f"not asked, for lack of rights ({named})", _join_group(), **figures)
    if not engine.answers:
        reason = "nothing listens there" if _NOBODY.search(engine.trouble) else engine.trouble.splitlines()[-1]
        return warning(
            name,
            f"does not answer: {reason} ({named})",
            remedies.start_docker(system, environ, engine.context),
            **figures,
        )
    seen = f"Docker {engine.version}, API {engine.api} ({named})"
    if too_old(engine):
        return warning(name, f"{seen} is {TOO_OLD}", remedies.install_docker(system, family), **figures)
    if engine.info.get("OSType") == _WINDOWS_CONTAINERS:
        switch = "docker desktop engine use linux"
        return warning(name, f"{seen} runs Windows containers, and the lab's are Linux ones", switch, **figures)
    return ok(name, seen, **figures)


def judge_rights(engine: Engine, socket_owner: str) -> Finding:
    """Who may use the engine; a rootless one is the user's own."""
    if not engine.answers:
        return warning("rights", f"this user may not use {engine.endpoint}{socket_owner}", _join_group())
    rootless = any("rootless" in str(option) for option in engine.info.get("SecurityOptions") or ())
    return ok("rights", "the engine is this user's own (rootless)" if rootless else "this user may use the engine")


def judge_compose(engine: Engine, system: str, family: tuple[str, ...]) -> Finding:
    if engine.compose_trouble.startswith(NO_ANSWER):
        return warning("compose", engine.compose_trouble, "docker compose version", version=None)
    if not engine.compose:
        return warning(
            "compose", "docker has no Compose plugin that works", remedies.install_docker(system, family), version=None
        )
    if numbers(engine.compose) < OLDEST_COMPOSE:
        said = f"Compose {engine.compose} is older than 2.19: it does not know --progress, which the lab gives it"
        return warning("compose", said, remedies.install_docker(system, family), version=engine.compose)
    return ok("compose", f"Compose {engine.compose}", version=engine.compose)


def judge_runtime(engine: Engine, *, local: bool) -> Finding:
    """The one that `--runtime auto` takes. Without any the lab does not run."""
    if usable(engine):
        return ok("runtime", "docker, and local beside it" if local else "docker", runtime="docker")
    if engine.answers and engine.compose and local:
        said = "docker answers, but is not what the lab needs; processes on this machine work"
        return warning("runtime", said, "python lab.py compare --runtime local", runtime="local")
    if local:
        return ok("runtime", "local, with processes on this machine; docker does not work here", runtime="local")
    said = "none: docker does not work here, and without it the lab needs Linux or macOS"
    return failed("runtime", said, "docker desktop start" if engine.command else "wsl --install", runtime=None)


def usable(engine: Engine) -> bool:
    """Whether the docker runtime works with it."""
    linux = engine.info.get("OSType") != _WINDOWS_CONTAINERS
    return engine.answers and linux and not too_old(engine) and numbers(engine.compose) >= OLDEST_COMPOSE


def too_old(engine: Engine) -> bool:
    return numbers(engine.api) < OLDEST_API


def numbers(version: str) -> tuple[int, ...]:
    """The two leading numbers of a version, as far as there are any: ``v2.26.1-4`` is (2, 26)."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])


def _join_group() -> str:
    return 'sudo usermod -aG docker "$USER" && newgrp docker'


def _socket_owner(endpoint: str) -> str:
    """Whose the socket is, in words, where it is one of this machine."""
    with suppress(OSError, ImportError, KeyError):
        import grp  # noqa: PLC0415 - not on Windows

        found = os.stat(endpoint.removeprefix("unix://"))  # noqa: PTH116 - an endpoint, not yet a path
        return f", which is for the group {grp.getgrgid(found.st_gid).gr_name} ({stat.filemode(found.st_mode)})"
    return ""
