"""The state of the Docker engine and of an image, read through the docker command."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from labkit.system import command
from labkit.system.command import Result

_AS_JSON = ("--format", "{{json .}}")


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """The answers of docker; `trouble` and `compose_trouble` are its error messages instead.

    If there is no docker command (`command`), everything else is empty.
    """

    command: bool = False
    context: str = ""
    endpoint: str = ""
    version: str = ""
    api: str = ""
    trouble: str = ""
    compose: str = ""
    compose_trouble: str = ""
    info: Mapping[str, Any] = field(default_factory=dict)
    clock_ahead_s: float | None = None
    """The engine's clock − this machine's, without the uncertainty of the query. Negative: behind."""

    @property
    def answers(self) -> bool:
        return bool(self.version)

    @property
    def is_local(self) -> bool:
        """True if the engine is on this machine or in a virtual machine on it."""
        return self.endpoint.startswith(("unix://", "npipe://"))


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """A local image. `source` is the hash of the sources that it was built from, by its label."""

    id: str
    architecture: str
    size_bytes: int
    source: str


def read_engine(environ: Mapping[str, str]) -> EngineInfo:
    """Query docker; takes as long as its slowest answer, at most about ten seconds."""
    if shutil.which("docker", path=environ.get("PATH")) is None:
        return EngineInfo()
    with ThreadPoolExecutor(4) as pool:
        version = pool.submit(command.run, "docker", "version", *_AS_JSON)
        context = pool.submit(command.run, "docker", "context", "inspect", *_AS_JSON)
        compose = pool.submit(command.run, "docker", "compose", "version", "--short")
        before = time.time()
        info = pool.submit(command.run, "docker", "info", *_AS_JSON).result()
        after = time.time()
    server, current = version.result().document.get("Server") or {}, context.result().document
    answers = bool(server.get("Version")) and version.result().code == 0
    document = info.document if answers else {}
    return EngineInfo(
        command=True,
        context=str(current.get("Name", "")),
        endpoint=str(environ.get("DOCKER_HOST") or current.get("Endpoints", {}).get("docker", {}).get("Host", "")),
        version=str(server["Version"]) if answers else "",
        api=str(server.get("ApiVersion", "")),
        trouble="" if answers else (version.result().error or info.error or "no output"),
        compose=_version_in(compose.result()),
        compose_trouble=compose.result().error,
        info=document,
        clock_ahead_s=seconds_ahead(str(document.get("SystemTime", "")), before, after),
    )


def read_image(tag: str) -> ImageInfo | None:
    """A local image of the engine, or None."""
    image = command.run("docker", "image", "inspect", *_AS_JSON, tag).document
    if "Id" not in image:
        return None
    labels = (image.get("Config") or {}).get("Labels") or {}
    return ImageInfo(
        str(image["Id"]),
        str(image.get("Architecture", "")),
        int(image.get("Size", 0)),
        str(labels.get("concurrency-lab.source", "")),
    )


def seconds_ahead(time_text: str, before: float, after: float) -> float | None:
    """Seconds by which an ISO time lies outside of the span in which it was read; None for an invalid time."""
    with suppress(ValueError):
        at = datetime.fromisoformat(time_text).timestamp()
        return min(0.0, at - before) + max(0.0, at - after)
    return None


def _version_in(result: Result) -> str:
    version = re.search(r"v?\d+\.\d+\S*", result.output) if result.code == 0 else None
    return version[0] if version else ""
