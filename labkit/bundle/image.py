"""Images on their way out of one engine and into another, with the docker command alone."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from labkit.bundle.sealed import CHUNK
from labkit.model.errors import MachineError
from labkit.runtime.docker_cli import docker
from labkit.system.command import last_line

ARCHITECTURES = ("amd64", "arm64")

_PACKAGE = re.compile(r"(?:.*/)?site-packages/([A-Za-z0-9._]+)-([^/-]+)\.dist-info/METADATA")
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


def engine_architecture() -> str:
    """What the engine runs: "amd64". Raises `MachineError` when there is none, or one without Linux containers."""
    os_name, _, architecture = docker("version", "--format", "{{.Server.Os}}/{{.Server.Arch}}").partition("/")
    if os_name != "linux":
        raise MachineError(f"the Docker engine runs {os_name} containers", "Switch Docker Desktop to Linux containers.")
    if architecture not in ARCHITECTURES:
        raise MachineError(
            f"the Docker engine is for {architecture}, and bundles are for {' and '.join(ARCHITECTURES)}",
            "The lab itself may run there: `python lab.py compare`.",
        )
    return architecture


def image_id(name: str) -> str | None:
    """The id of an image that the engine has, without the name of the digest; None without one."""
    try:
        return docker("image", "inspect", "--format", "{{.Id}}", name).removeprefix("sha256:")
    except MachineError:
        return None


def save(names: Iterable[str], path: Path) -> None:
    """Have the engine write images to `path`, as a tar. Raises `MachineError`."""
    docker("save", "--output", str(path), *names, timeout_s=None)


def remove(names: Iterable[str]) -> None:
    """Take names from an image, and with the last one the image."""
    with suppress(MachineError):
        docker("rmi", *names)


def load(path: Path, passed: Callable[[int], object]) -> None:
    """Give the engine the tar at `path`, and tell `passed` of every piece. Raises `MachineError`.

    An engine keeps nothing of a tar that breaks off.
    """
    with tempfile.TemporaryFile() as said:
        # In a session of its own: a Ctrl-C at the terminal is ours.
        process = subprocess.Popen(
            ["docker", "load", "--quiet"], stdin=subprocess.PIPE, stdout=said, stderr=said, start_new_session=True
        )
        assert process.stdin is not None
        try:
            with path.open("rb") as tar, process.stdin as pipe:
                while chunk := tar.read(CHUNK):
                    pipe.write(chunk)
                    passed(len(chunk))
        except BrokenPipeError:
            pass  # it says why
        except BaseException:
            process.kill()
            raise
        finally:
            process.wait()
        if process.returncode != 0:
            said.seek(0)
            raise MachineError(
                f"the Docker engine does not take the image: {last_line(said.read().decode('utf-8', 'replace'))}"
            )


@dataclass(frozen=True, slots=True)
class Saved:
    """An image as `docker save` writes it: its configuration, and its layers by SHA-256 of their tars."""

    tar: tarfile.TarFile
    config: bytes
    _layers: tuple[tuple[str, str], ...]

    @property
    def id(self) -> str:
        return hashlib.sha256(self.config).hexdigest()

    @property
    def architecture(self) -> str:
        return str(json.loads(self.config)["architecture"])

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple(digest for digest, _ in self._layers)

    @contextmanager
    def layer(self, digest: str) -> Iterator[IO[bytes]]:
        """The tar of a layer, unpacked if the engine keeps it packed."""
        with _member(self.tar, dict(self._layers)[digest]) as file:
            start = file.read(4)
            file.seek(0)
            if start == _ZSTD:
                raise MachineError(
                    "the engine keeps its images packed with zstd, which Python cannot read",
                    "Pack on an engine that does not: `docker save` has to write plain or gzip layers.",
                )
            if start[:2] == _GZIP:
                with gzip.open(file) as unpacked:
                    yield unpacked  # type: ignore[misc] # it reads like any other file
            else:
                yield file

    def packages(self) -> dict[str, str]:
        """Name to version of the Python packages in the image."""
        found: dict[str, str] = {}
        for digest in self.layers:
            with self.layer(digest) as file, tarfile.open(fileobj=file, mode="r|") as layer:
                names = (_PACKAGE.fullmatch(member.name) for member in layer)
                found |= {name[1].lower().replace("_", "-"): name[2] for name in names if name}
        return dict(sorted(found.items()))


@contextmanager
def saved(path: Path) -> Iterator[dict[str, Saved]]:
    """What `save` wrote, by tag. Raises `MachineError` when it is not understood."""
    with tarfile.open(path) as tar:
        found: dict[str, Saved] = {}
        try:
            for entry in json.loads(_content(tar, "manifest.json")):
                config = _content(tar, entry["Config"])
                digests = [each.removeprefix("sha256:") for each in json.loads(config)["rootfs"]["diff_ids"]]
                image = Saved(tar, config, tuple(zip(digests, entry["Layers"], strict=True)))
                found |= {name.rpartition(":")[2]: image for name in entry["RepoTags"]}
        except (KeyError, ValueError) as error:
            raise MachineError(f"what `docker save` wrote is not understood: {error!r}") from error
        yield found


def describe(config: str, layers: Iterable[str], names: Iterable[str]) -> dict[str, Any]:
    """An image in the `manifest.json` of a tar for `load`: all that an engine is told of names."""
    return {"Config": config, "RepoTags": list(names), "Layers": list(layers)}


def add_manifest(tar: tarfile.TarFile, images: Iterable[dict[str, Any]]) -> None:
    """Write what tells of the images in a tar for `load`, each as `describe` has it."""
    add_bytes(tar, "manifest.json", json.dumps(list(images)).encode())


def add(tar: tarfile.TarFile, name: str, size: int, content: IO[bytes]) -> None:
    """Write a plain file into a tar."""
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    tar.addfile(member, content)


def add_bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    add(tar, name, len(content), io.BytesIO(content))


@contextmanager
def _member(tar: tarfile.TarFile, name: str) -> Iterator[IO[bytes]]:
    file = tar.extractfile(name)  # follows links: older engines write a layer that is there twice as one
    if file is None:
        raise KeyError(name)
    with file:
        yield file


def _content(tar: tarfile.TarFile, name: str) -> bytes:
    with _member(tar, name) as file:
        return file.read()
