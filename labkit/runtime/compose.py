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
from typing import NamedTuple

from labkit.errors import MachineError, UsageError

ROOT = Path(__file__).resolve().parents[2]
BUILD_LOG = ROOT / ".lab" / "build.log"
BUILT = ROOT / ".lab" / "built"  # the tags of the images built here, a line each
INTO_IMAGE = (
    *("Dockerfile", ".dockerignore", "requirements/image.txt", "labkit/setup/wheels.py"),
    *("server", "clients", "loadtest"),
)
IMAGE = "concurrency-lab"
RECORD = "/venv/labkit-packages.json"  # what the Dockerfile has recorded of the packages
END_PATIENCE_S = 10.0
DEFAULT_BASE = "python:3.14-slim"
_REFERENCE = re.compile(r"[a-z0-9][\w./:@-]*")
_NO_WHEEL = "No matching distribution found"
_NO_IMAGE = re.compile(r"failed to resolve source metadata|pull access denied|manifest unknown")
_NO_PYTHON = re.compile(r"\bpython: (command )?not found")
_TOO_OLD = re.compile(r"this is Python [\w.+]+; the lab needs [\w. ]+")
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


def build(tag: str, base: str | None = None) -> None:
    """Build the image, on another `base` image than its own if one is named, and tag it.

    There, packages without a wheel may be left out. Raises `MachineError` with what the build said last, and
    `UsageError` for a base image without a Python that fits.
    """
    settings = {"LAB_IMAGE_TAG": tag, "LAB_SOURCE_HASH": tag}
    if base is not None:
        settings["LAB_BASE_IMAGE"] = base
    run = _build(settings)
    if base is not None and run.returncode != 0 and _NO_WHEEL in run.stdout + run.stderr:
        run = _build(settings | {"LAB_LEAVE_OUT": "yes"})
    if run.returncode != 0:
        raise _explained(run.stdout + run.stderr, base)
    with BUILT.open("a", encoding="utf-8") as file:
        file.write(f"{tag}\n")


def _build(settings: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    # Compose writes the project's name into the image: always the same one makes it always the same image.
    run = _compose(IMAGE, ["build", "server"], settings)
    BUILD_LOG.parent.mkdir(exist_ok=True)
    BUILD_LOG.write_text(run.stdout + run.stderr, encoding="utf-8")
    return run


def _explained(output: str, base: str | None) -> MachineError | UsageError:
    said = f"All that the build said is in {BUILD_LOG.relative_to(ROOT)}."
    last = _last_line(output)
    if base is None:
        return MachineError(f"the image cannot be built: {last}", said)
    if _NO_IMAGE.search(output):
        hint = f"Does `docker pull {base}` work? With --runtime local, --python names an interpreter of this machine."
        return MachineError(f"the base image {base} cannot be had: {last}", hint)
    if _NO_PYTHON.search(output):
        return UsageError(f"--python {base}: there is no `python` in this image", f"Name one such as {DEFAULT_BASE}.")
    if old := _TOO_OLD.search(output):
        return UsageError(f"--python {base}: {old[0]}", f"Name one such as {DEFAULT_BASE}.")
    return MachineError(f"no image can be built on {base}: {last}", said)


def tag_on(base: str) -> str:
    """The tag of the image on another `base` image: another source, another tag, as well as another base."""
    if not _REFERENCE.fullmatch(base):
        raise UsageError(
            f"--python {base}: with Docker that is the name of a base image, such as {DEFAULT_BASE}",
            "Add --runtime local for an interpreter of this machine.",
        )
    return f"{source_hash()}-{hashlib.sha256(base.encode()).hexdigest()[:8]}"


def is_current(tag: str) -> bool:
    """Whether an image built here was built from the source as it is now, on whatever base image."""
    return tag.partition("-")[0] == source_hash()


def source_hash(root: Path = ROOT, base: str | None = None) -> str:
    """Twelve hexadecimal digits that stand for all that goes into the image: another source, another tag.

    `base` is the base image where it is not what LAB_BASE_IMAGE says; "" is the usual one.
    """
    digest = hashlib.sha256((os.environ.get("LAB_BASE_IMAGE", "") if base is None else base).encode())
    for path in sorted(_files(root)):
        digest.update(f"\0{path.relative_to(root).as_posix()}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _is_source(path: Path) -> bool:
    """Whether a file is no editor's, no system's and no interpreter's."""
    own = not any(part.startswith(".") or part == "__pycache__" for part in path.parts)
    return own and not path.name.endswith("~")


def _files(root: Path) -> Iterable[Path]:
    for name in INTO_IMAGE:
        path = root / name
        if path.is_dir():
            yield from (each for each in path.rglob("*") if each.is_file() and _is_source(each.relative_to(path)))
        else:
            yield path


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
        run = _compose(self.name, ["create", "--no-build", *scaled, *services, *extended], {**settings, **ours}, more)
        if run.returncode != 0:
            raise MachineError(f"Compose cannot create the containers: {_last_line(run.stderr)}")


def _client_for(approach: str) -> dict[str, object]:
    return {
        "extends": {"file": str(ROOT / "compose.yaml"), "service": "client"},
        "entrypoint": ["python", "-m", "clients.harness", approach],
        "profiles": [],
    }


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
