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


class Variant(NamedTuple):
    """An approach on another interpreter: the name of its `service`, and the `tag` of its image."""

    service: str
    approach: str
    tag: str


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
        own: Sequence[str] = (),
        scale: Mapping[str, int] | None = None,
        variants: Sequence[Variant] = (),
    ) -> None:
        """Create the containers of `services`, and create them again if `settings` differ. Raises `MachineError`.

        The user's `own` approaches have no service in compose.yaml: each extends its `client` under another name.
        So does each of the `variants`, with another image. `scale` is the number of containers for a service.
        """
        extended = {name: _client_for(name) for name in own}
        for variant in variants:
            extended[variant.service] = _client_for(variant.approach) | {"image": f"{IMAGE}:{variant.tag}"}
        fixed = {"LAB_IMAGE_TAG": self.tag, "LAB_CPUS": str(self.cpus), "LAB_CLIENT_MODE": "--held"}
        more = {"services": extended} if extended else None
        scaled = [f"--scale={name}={number}" for name, number in (scale or {}).items()]
        done = compose(self.name, ["create", "--no-build", *scaled, *services, *extended], {**settings, **fixed}, more)
        if done.returncode != 0:
            raise MachineError(f"Compose cannot create the containers: {last_line(done.stderr)}")


def _client_for(approach: str) -> dict[str, object]:
    return {
        "extends": {"file": str(ROOT / "compose.yaml"), "service": "client"},
        "entrypoint": ["python", "-m", "clients.harness", approach],
        "profiles": [],
    }
