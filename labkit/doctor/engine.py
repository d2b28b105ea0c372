"""What the docker command tells of itself and of its engine."""

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

from labkit.doctor.command import Answer, ask


@dataclass(frozen=True, slots=True)
class Engine:
    """`trouble` is what docker said instead of an answer, `compose_trouble` the same of its plugin.

    Without the command everything but `command` is empty.
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
    """How far the engine's clock is ahead of ours, beyond what asking took; negative: behind."""

    @property
    def answers(self) -> bool:
        return bool(self.version)

    @property
    def here(self) -> bool:
        """Whether it is reached without a network: on this machine, or in a virtual machine on it."""
        return self.endpoint.startswith(("unix://", "npipe://"))


@dataclass(frozen=True, slots=True)
class Image:
    """A local image. `source` is the hash of the checkout's state that it says it was built from."""

    id: str
    architecture: str
    size_bytes: int
    source: str


def read(environ: Mapping[str, str]) -> Engine:
    """Ask docker about everything at once; takes as long as its slowest answer, at most some ten seconds."""
    if shutil.which("docker", path=environ.get("PATH")) is None:
        return Engine()
    as_json = ("--format", "{{json .}}")
    with ThreadPoolExecutor(4) as pool:
        version = pool.submit(ask, "docker", "version", *as_json)
        context = pool.submit(ask, "docker", "context", "inspect", *as_json)
        compose = pool.submit(ask, "docker", "compose", "version", "--short")
        before = time.time()
        info = pool.submit(ask, "docker", "info", *as_json).result()
        after = time.time()
    told = version.result().document
    server, named = told.get("Server") or {}, context.result().document
    answers = bool(server.get("Version")) and version.result().code == 0
    document = info.document if answers else {}
    return Engine(
        command=True,
        context=str(named.get("Name", "")),
        endpoint=str(environ.get("DOCKER_HOST") or named.get("Endpoints", {}).get("docker", {}).get("Host", "")),
        version=str(server["Version"]) if answers else "",
        api=str(server.get("ApiVersion", "")),
        trouble="" if answers else (version.result().trouble or info.trouble or "it said nothing"),
        compose=_version_in(compose.result()),
        compose_trouble=compose.result().trouble,
        info=document,
        clock_ahead_s=ahead(str(document.get("SystemTime", "")), before, after),
    )


def _version_in(told: Answer) -> str:
    found = re.search(r"v?\d+\.\d+\S*", told.out) if told.code == 0 else None
    return found[0] if found else ""


def ahead(told: str, before: float, after: float) -> float | None:
    """Seconds by which an ISO time is outside of the span in which it was told; None if it is no time."""
    with suppress(ValueError):
        at = datetime.fromisoformat(told).timestamp()
        return min(0.0, at - before) + max(0.0, at - after)
    return None


def image(tag: str) -> Image | None:
    """A local image of the engine, or None."""
    told = ask("docker", "image", "inspect", "--format", "{{json .}}", tag).document
    if "Id" not in told:
        return None
    labels = (told.get("Config") or {}).get("Labels") or {}
    return Image(
        str(told["Id"]),
        str(told.get("Architecture", "")),
        int(told.get("Size", 0)),
        str(labels.get("concurrency-lab.source", "")),
    )
