"""The devcontainer definition, parsed as editors parse it. Building it would need a registry."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from labkit.doctor.probes import ports
from labkit.options import parser
from labkit.runtime import tags
from labkit.system.checkout import ROOT

PATH = ROOT / ".devcontainer" / "devcontainer.json"


@pytest.fixture(scope="module")
def definition() -> dict[str, Any]:
    # JSON with comments, here on lines of their own.
    lines = PATH.read_text("utf-8").splitlines()
    return json.loads("\n".join(line for line in lines if not line.lstrip().startswith("//")))


def feature(definition: dict[str, Any], name: str) -> dict[str, Any]:
    [options] = [value for key, value in definition["features"].items() if re.search(rf"/{name}:\d+$", key)]
    return options


def test_it_uses_the_base_image_of_the_lab(definition):
    assert definition["image"] == tags.DEFAULT_BASE


def test_it_uses_the_engine_of_the_host(definition):
    assert feature(definition, "docker-outside-of-docker") == {"moby": False}
    assert not any("docker-in-docker" in name for name in definition["features"])
    assert "privileged" not in json.dumps(definition)


def test_it_creates_and_uses_an_unprivileged_user(definition):
    assert definition["remoteUser"] == feature(definition, "common-utils")["username"] != "root"


def test_it_forwards_the_ports_of_the_lab(definition):
    assert definition["forwardPorts"] == list(ports.PORTS)
    assert set(definition["portsAttributes"]) == {str(port) for port in ports.PORTS}


def test_it_is_set_up_by_commands_of_the_lab(definition):
    commands = definition["postCreateCommand"].split(" && ")
    modules = [parser().parse_args(command.removeprefix("python lab.py ").split()).module for command in commands]
    assert modules == ["approaches", "doctor"]
