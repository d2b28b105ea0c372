"""Remedies: commands that solve a problem and differ between systems."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from contextlib import suppress

_INSTALL_DOCKER = {
    "debian": "sudo apt install docker.io docker-cli docker-compose docker-buildx",
    "ubuntu": "sudo apt install docker.io docker-compose-v2 docker-buildx",
    "fedora": "sudo dnf install moby-engine docker-compose docker-buildx",
    "arch": "sudo pacman -S docker docker-compose docker-buildx",
}
_PYTHON_WITH_VENV = {"debian": "sudo apt install python3-venv", "ubuntu": "sudo apt install python3-venv"}


def distribution() -> tuple[str, ...]:
    """The Linux distribution and those that it derives from, the nearest first; empty elsewhere."""
    with suppress(OSError):
        release = platform.freedesktop_os_release()
        return (release.get("ID", ""), *release.get("ID_LIKE", "").split())
    return ()


def install_docker(system: str, family: tuple[str, ...]) -> str:
    """Install or update an engine with Compose."""
    if system == "darwin":
        return "brew install --cask docker"
    if system == "win32":
        return "winget install Docker.DockerDesktop"
    return _first(_INSTALL_DOCKER, family) or "Install Docker Engine 20.10 or newer, with its Compose plugin."


def start_docker(system: str, environ: Mapping[str, str], context: str) -> str:
    """Start an engine that does not answer, or return to the local one."""
    if environ.get("DOCKER_HOST"):
        return "Remove-Item Env:DOCKER_HOST" if system == "win32" else "unset DOCKER_HOST"
    if context not in {"", "default", "desktop-linux"}:
        return "docker context use default"
    if system == "darwin":
        return "open -a Docker"
    return "docker desktop start" if system == "win32" else "sudo systemctl start docker"


def venv_module(system: str, family: tuple[str, ...]) -> str:
    """Install venv and ensurepip for a Python."""
    command = _first(_PYTHON_WITH_VENV, family) if system == "linux" else ""
    return command or "Use a Python that has venv and ensurepip."


def set_clock(system: str, *, desktop: bool) -> str:
    """Correct a clock; for the virtual machine of Docker Desktop, restart that."""
    if desktop:
        return "docker desktop restart"
    if system == "win32":
        return "w32tm /resync"
    if system == "darwin":
        return "In System Settings, set date and time automatically."
    return "sudo timedatectl set-ntp true"


def see_what_is_busy(system: str) -> str:
    """Show the programs that use the processors."""
    return {"darwin": "top -o cpu", "win32": "taskmgr"}.get(system, "top -o %CPU")


def without_variable(system: str, name: str) -> str:
    """Remove a variable from the environment of a shell."""
    return f"Remove-Item Env:{name}" if system == "win32" else f"unset {name}"


def with_variable(system: str, name: str, value: str) -> str:
    """Set a variable in the environment of a shell."""
    return f"$Env:{name} = '{value}'" if system == "win32" else f"export {name}='{value}'"


def _first(commands: Mapping[str, str], family: tuple[str, ...]) -> str:
    return next((commands[name] for name in family if name in commands), "")
