"""Compose, the only description of a service: creates containers, networks and limits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from labkit.model.errors import MachineError
from labkit.runtime.docker_cli import INSTALL_HINT, compose, docker
from labkit.runtime.tags import IMAGE
from labkit.system.checkout import ROOT
from labkit.system.command import last_line

RECORD = "/venv/labkit-packages.json"  # the packages in the image, recorded by the Dockerfile


def version() -> str:
    """The version of the Compose plugin. Raises `MachineError` if it is not installed."""
    return docker("compose", "version", "--short", hint=INSTALL_HINT)


def services() -> frozenset[str]:
    """The services in compose.yaml, read from its layout: Compose itself would need 0.2 s."""
    _, _, text = (ROOT / "compose.yaml").read_text("utf-8").partition("\nservices:\n")
    return frozenset(re.findall(r"^  ([\w-]+):", text.partition("\nnetworks:\n")[0], re.MULTILINE))


class ClientService(NamedTuple):
    """A service that compose.yaml does not contain: `approach` in the image with `tag`."""

    name: str
    approach: str
    tag: str

    def definition(self) -> dict[str, object]:
        return {
            "extends": {"file": str(ROOT / "compose.yaml"), "service": "client"},
            "image": f"{IMAGE}:{self.tag}",
            "entrypoint": ["python", "-m", "clients.harness", self.approach],
            "profiles": [],
        }


@dataclass(frozen=True, slots=True)
class Project:
    """A Compose project: containers from the image with `tag`, each with at most `cpus` processors."""

    name: str
    tag: str
    cpus: int

    def create(
        self,
        services: Sequence[str],
        settings: Mapping[str, str],
        more: Sequence[ClientService] = (),
        scale: Mapping[str, int] | None = None,
    ) -> None:
        """Create the containers of `services` and `more`, or create them again if `settings` differ.

        `scale` is the number of containers for a service. Raises `MachineError`.
        """
        definitions = {each.name: each.definition() for each in more}
        fixed = {"LAB_IMAGE_TAG": self.tag, "LAB_CPUS": str(self.cpus), "LAB_CLIENT_MODE": "--held"}
        scaled = [f"--scale={name}={number}" for name, number in (scale or {}).items()]
        command = ["create", "--no-build", *scaled, *services, *definitions]
        done = compose(self.name, command, {**settings, **fixed}, {"services": definitions} if more else None)
        if done.returncode != 0:
            raise MachineError(f"Compose cannot create the containers: {last_line(done.stderr)}")
