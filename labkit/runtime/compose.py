"""Compose, the only description of a service: runs builds and creates containers, networks and limits."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from labkit.model.errors import MachineError
from labkit.runtime.tags import IMAGE
from labkit.system.checkout import ROOT

RECORD = "/venv/labkit-packages.json"  # what the Dockerfile has recorded of the packages
END_PATIENCE_S = 10.0
INSTALL_HINT = "Install the Compose plugin (Docker Desktop has it; on Linux: the package docker-compose-plugin)."


def version() -> str:
    """The version of the Compose plugin. Raises `MachineError` when it is not there."""
    try:
        run = subprocess.run(["docker", "compose", "version", "--short"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise MachineError("the docker command is not there", INSTALL_HINT) from None
    if run.returncode != 0:
        raise MachineError("the docker command has no Compose plugin", INSTALL_HINT)
    return run.stdout.strip()


def services() -> frozenset[str]:
    """The services in compose.yaml, by its own layout: Compose itself would take a fifth of a second to tell."""
    _, _, text = (ROOT / "compose.yaml").read_text("utf-8").partition("\nservices:\n")
    return frozenset(re.findall(r"^  ([\w-]+):", text.partition("\nnetworks:\n")[0], re.MULTILINE))


class Variant(NamedTuple):
    """An approach on another interpreter than the lab's: the name of its `service`, and the `tag` of its image."""

    service: str
    approach: str
    tag: str


@dataclass(frozen=True, slots=True)
class Project:
    """One Compose project of this lab: containers from the image with `tag`, each with at most `cpus` processors."""

    name: str
    tag: str
    cpus: int

    def create(
        self,
        services: Sequence[str],
        settings: Mapping[str, str],
        own: Sequence[str] = (),
        scale: Mapping[str, int] | None = None,
        variants: Sequence[Variant] = (),
    ) -> None:
        """Create the containers of `services`, again where `settings` differ, and of somebody's `own` approaches.

        Those have no service in compose.yaml: they extend its `client` with another name. So do `variants`, with
        another image. `scale` says of which services there are to be how many. Raises `MachineError`.
        """
        extended = {name: _client_for(name) for name in own}
        for variant in variants:
            extended[variant.service] = _client_for(variant.approach) | {"image": f"{IMAGE}:{variant.tag}"}
        ours = {"LAB_IMAGE_TAG": self.tag, "LAB_CPUS": str(self.cpus), "LAB_CLIENT_MODE": "--held"}
        more = {"services": extended} if extended else None
        scaled = [f"--scale={name}={number}" for name, number in (scale or {}).items()]
        done = run(self.name, ["create", "--no-build", *scaled, *services, *extended], {**settings, **ours}, more)
        if done.returncode != 0:
            raise MachineError(f"Compose cannot create the containers: {last_line(done.stderr)}")


def _client_for(approach: str) -> dict[str, object]:
    return {
        "extends": {"file": str(ROOT / "compose.yaml"), "service": "client"},
        "entrypoint": ["python", "-m", "clients.harness", approach],
        "profiles": [],
    }


def run(
    project: str, arguments: Sequence[str], settings: Mapping[str, str], more: Mapping[str, object] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Compose for a `project`, with `settings` for what compose.yaml leaves open and `more` services."""
    files = ["-f", "compose.yaml", *(["-f", "-"] if more else [])]
    command = ["docker", "compose", "--progress", "plain", *files, "-p", project, *arguments]
    # In a session of its own: a Ctrl-C at the terminal is ours to pass on.
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **settings},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        out, err = process.communicate(json.dumps(more) if more else "")
    except BaseException:
        _end(process, finish=arguments[0] == "create")
        raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def _end(process: subprocess.Popen[str], *, finish: bool) -> None:
    """End Compose; with `finish` let it come to its end, which is near.

    A `create` that is cut off leaves the engine at work on containers that nobody can list and remove yet.
    """
    try:
        if not finish:
            process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=END_PATIENCE_S)
    finally:
        process.kill()
        process.wait()


def last_line(text: str) -> str:
    """The last line that says something: why a command of Docker's has failed."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
