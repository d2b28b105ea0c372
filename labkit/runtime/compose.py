"""Compose, the only description of a service: builds the image and creates containers, networks and limits."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from labkit.errors import MachineError

ROOT = Path(__file__).resolve().parents[2]
BUILD_LOG = ROOT / ".lab" / "build.log"
BUILT = ROOT / ".lab" / "built"  # the tags of the images built here, a line each
INTO_IMAGE = ("Dockerfile", ".dockerignore", "requirements/image.txt", "server", "clients", "loadtest")
IMAGE = "concurrency-lab"
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


def build(tag: str) -> None:
    """Build the image and tag it. Raises `MachineError` with what the build said last."""
    # Compose writes the project's name into the image: always the same one makes it always the same image.
    run = _compose(IMAGE, ["build", "server"], {"LAB_IMAGE_TAG": tag, "LAB_SOURCE_HASH": tag})
    BUILD_LOG.parent.mkdir(exist_ok=True)
    BUILD_LOG.write_text(run.stdout + run.stderr, encoding="utf-8")
    if run.returncode != 0:
        said = f"All that the build said is in {BUILD_LOG.relative_to(ROOT)}."
        raise MachineError(f"the image cannot be built: {_last_line(run.stderr)}", said)
    with BUILT.open("a", encoding="utf-8") as file:
        file.write(f"{tag}\n")


def source_hash(root: Path = ROOT) -> str:
    """Twelve hexadecimal digits that stand for all that goes into the image: another source, another tag."""
    digest = hashlib.sha256(os.environ.get("LAB_BASE_IMAGE", "").encode())
    for path in sorted(_files(root)):
        digest.update(f"\0{path.relative_to(root).as_posix()}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _files(root: Path) -> Iterable[Path]:
    for name in INTO_IMAGE:
        path = root / name
        if path.is_dir():
            yield from (each for each in path.rglob("*") if each.is_file() and "__pycache__" not in each.parts)
        else:
            yield path


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
    ) -> None:
        """Create the containers of `services`, again where `settings` differ, and of somebody's `own` approaches.

        Those have no service in compose.yaml: they extend its `client` with another name. `scale` says of which
        services there are to be how many. Raises `MachineError`.
        """
        extended = {
            name: {
                "extends": {"file": str(ROOT / "compose.yaml"), "service": "client"},
                "entrypoint": ["python", "-m", "clients.harness", name],
                "profiles": [],
            }
            for name in own
        }
        ours = {"LAB_IMAGE_TAG": self.tag, "LAB_CPUS": str(self.cpus), "LAB_CLIENT_MODE": "--held"}
        more = {"services": extended} if own else None
        scaled = [f"--scale={name}={number}" for name, number in (scale or {}).items()]
        run = _compose(self.name, ["create", "--no-build", *scaled, *services, *own], {**settings, **ours}, more)
        if run.returncode != 0:
            raise MachineError(f"Compose cannot create the containers: {_last_line(run.stderr)}")


def _compose(
    project: str, arguments: Sequence[str], settings: Mapping[str, str], more: Mapping[str, object] | None = None
) -> subprocess.CompletedProcess[str]:
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


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
