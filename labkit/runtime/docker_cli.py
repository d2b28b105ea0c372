"""The docker command, for the work that the Docker SDK does not do or is not installed for. Standard library only."""

from __future__ import annotations

from labkit.model.errors import MachineError
from labkit.system import command

TIMEOUT_S = 60.0  # for an engine that accepts a request and does not answer
START_HINT = "Start Docker Desktop or the docker service."
INSTALL_HINT = "Install Docker with its Compose plugin: Docker Desktop, or on Linux the package docker-compose-plugin."


def docker(*arguments: str, timeout_s: float | None = TIMEOUT_S, hint: str = START_HINT) -> str:
    """Run ``docker ARGUMENTS`` and return its output. Raises `MachineError` with `hint` if it fails."""
    result = command.run("docker", *arguments, timeout_s=timeout_s)
    if result.code is None and not result.error.startswith(command.NO_ANSWER):
        raise MachineError(f"the docker command does not run: {result.error}", INSTALL_HINT)
    if result.code != 0:
        raise MachineError(f"docker {arguments[0]}: {command.last_line(result.error)}", hint)
    return result.output
