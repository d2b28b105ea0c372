"""Images, as an engine saves and loads them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from labkit.model.errors import MachineError
from labkit.runtime.docker_cli import docker

ARCHITECTURES = ("amd64", "arm64")
_PACKAGE = re.compile(r"(?:.*/)?site-packages/([A-Za-z0-9._]+)-([^/-]+)\.dist-info/METADATA")
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


def engine_architecture() -> str:
    """The engine's architecture, such as "amd64". Raises `MachineError` without a suitable engine."""
    os_name, _, architecture = docker("version", "--format", "{{.Server.Os}}/{{.Server.Arch}}").partition("/")
    if os_name != "linux":
        raise MachineError(f"the Docker engine runs {os_name} containers", "Switch Docker Desktop to Linux containers.")
    if architecture not in ARCHITECTURES:
        raise MachineError(
            f"the Docker engine is for {architecture}, and bundles are for {' or '.join(ARCHITECTURES)}",
            "The lab itself may run there: `python lab.py compare`.",
        )
    return architecture


def image_id(name: str) -> str | None:
    """The id of a local image, as hexadecimal digits; None without it."""
    try:
        return docker("image", "inspect", "--format", "{{.Id}}", name).removeprefix("sha256:")
    except MachineError:
        return None


def save(names: Iterable[str], path: Path) -> None:
    """Save images of the engine to a tar at `path`. Raises `MachineError`."""
    docker("save", "--output", str(path), *names, timeout_s=None)


def remove(names: Iterable[str]) -> None:
    """Remove names of images, and each image with its last name."""
    with suppress(MachineError):
        docker("rmi", *names)


@dataclass(frozen=True, slots=True)
class SavedImage:
    """An image in a tar from `docker save`: its configuration, and its layers by the SHA-256 of their tars."""

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
        """The tar of a layer, decompressed."""
        with _member(self.tar, dict(self._layers)[digest]) as file:
            start = file.read(4)
            file.seek(0)
            if start == _ZSTD:
                raise MachineError(
                    "the engine compresses its images with zstd, which Python cannot read",
                    "Pack on another engine, whose `docker save` writes plain or gzip layers.",
                )
            if start[:2] == _GZIP:
                with gzip.open(file) as unpacked:
                    yield unpacked  # type: ignore[misc] # it reads like any other file
            else:
                yield file

    def packages(self) -> dict[str, str]:
        """Name to version of the Python packages in the image."""
        packages: dict[str, str] = {}
        for digest in self.layers:
            with self.layer(digest) as file, tarfile.open(fileobj=file, mode="r|") as layer:
                names = (_PACKAGE.fullmatch(member.name) for member in layer)
                packages |= {name[1].lower().replace("_", "-"): name[2] for name in names if name}
        return dict(sorted(packages.items()))


@contextmanager
def read_saved(path: Path) -> Iterator[dict[str, SavedImage]]:
    """The images in a tar from `save`, by tag. Raises `MachineError` for an unknown format."""
    with tarfile.open(path) as tar:
        images: dict[str, SavedImage] = {}
        try:
            for entry in json.loads(_content(tar, "manifest.json")):
                config = _content(tar, entry["Config"])
                digests = [each.removeprefix("sha256:") for each in json.loads(config)["rootfs"]["diff_ids"]]
                image = SavedImage(tar, config, tuple(zip(digests, entry["Layers"], strict=True)))
                images |= {name.rpartition(":")[2]: image for name in entry["RepoTags"]}
        except (KeyError, ValueError) as error:
            raise MachineError(f"the output of `docker save` has an unknown format: {error!r}") from error
        yield images


def add_manifest(tar: tarfile.TarFile, images: Iterable[tuple[str, list[str], list[str]]]) -> None:
    """Write the manifest of a tar for `load`: for each image, its configuration, layers and names."""
    entries = [{"Config": config, "RepoTags": names, "Layers": layers} for config, layers, names in images]
    add_bytes(tar, "manifest.json", json.dumps(entries).encode())


def add_bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    add_file(tar, name, len(content), io.BytesIO(content))


def add_file(tar: tarfile.TarFile, name: str, size: int, content: IO[bytes]) -> None:
    """Write a regular file into a tar."""
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    tar.addfile(member, content)


@contextmanager
def _member(tar: tarfile.TarFile, name: str) -> Iterator[IO[bytes]]:
    file = tar.extractfile(name)  # follows links: older engines write a repeated layer as a link
    if file is None:
        raise KeyError(name)
    with file:
        yield file


def _content(tar: tarfile.TarFile, name: str) -> bytes:
    with _member(tar, name) as file:
        return file.read()
