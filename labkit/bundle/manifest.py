"""The manifest of a bundle: its content and the machines that it is for, as checked JSON."""

from __future__ import annotations

import json
import platform
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from labkit.bundle import paths
from labkit.bundle.sealed import BadBundle
from labkit.setup.marker import identity

FORMAT = 2
KIND = "concurrency-lab/bundle"
LARGEST = 4 << 30  # bytes of a whole bundle, unpacked
FORMAT_HINT = "Unpack it with `python FILE`: the file contains a lab that knows its format."
_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_SYSTEMS = {"linux": "linux", "darwin": "macos", "win32": "windows"}
_HEX = re.compile(r"[0-9a-f]{64}")
_TAGS = (r"[0-9a-f]{12}", r"environment-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Member:
    """A file in the bundle: SHA-256 and size of its content, and whether it is executable."""

    sha256: str
    bytes: int
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of an image: the member that contains it, compressed with xz, and SHA-256 and size of its tar."""

    member: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Image:
    """An image: its id is the SHA-256 of its configuration, which is the member `config`."""

    tag: str
    id: str
    config: str
    layers: tuple[Layer, ...]


@dataclass(frozen=True, slots=True)
class Wheels:
    """The members that make up `.venv` on one system for one Python, named like "cpython 3.13" (see `identity`)."""

    system: str
    python: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """The content of a bundle, and the machines that it is for."""

    created: str
    lab: Mapping[str, str | None]
    """Version and commit."""
    architecture: str
    lock: str
    """SHA-256 of the requirements file that the wheels are for."""
    images: tuple[Image, ...]
    """The image of all services, and the image that it is built on, whose layers it shares."""
    base: Mapping[str, str | None]
    """Name and id of the base image of both; the id is None if the packing engine did not know it."""
    packages: Mapping[str, str]
    """Name to version of the Python packages in the images."""
    wheels: tuple[Wheels, ...]
    members: Mapping[str, Member]

    def to_json(self) -> str:
        return json.dumps({"kind": KIND, "format": FORMAT, **asdict(self)}, indent=1) + "\n"

    def size_of(self, members: Iterable[str]) -> int:
        """The bytes of these members, unpacked."""
        return sum(self.members[name].bytes for name in members)


def system() -> str:
    """This machine's operating system, as wheels name it; "" if no wheels are packed for it."""
    if sys.platform == "linux" and platform.libc_ver()[0] != "glibc":
        return ""
    return _SYSTEMS.get(sys.platform, "")


def architecture(name: str = "") -> str:
    """The architecture with this name, or this machine's, as container images name it: amd64, arm64."""
    name = (name or platform.machine()).lower()
    return _ARCHITECTURES.get(name, name)


def wheels_for_here(manifest: Manifest) -> Wheels | None:
    """The wheels for the running Python on this system."""
    suitable = (each for each in manifest.wheels if (each.system, each.python) == (system(), identity()))
    return next(suitable, None)


def layers_of(images: Iterable[Image]) -> tuple[Layer, ...]:
    """The distinct layers of several images."""
    return tuple({layer.sha256: layer for image in images for layer in image.layers}.values())


def parse(path: Path, text: bytes) -> Manifest:
    """The manifest in this JSON, from the bundle at `path`. Raises `BadBundle` unless it is valid and consistent."""
    try:
        document: dict[str, Any] = json.loads(text)
        if document["kind"] != KIND:
            raise BadBundle(path, f"its manifest is of the kind {str(document['kind'])[:80]!r}")
        if type(document["format"]) is not int or document["format"] != FORMAT:
            reason = f"it has format {str(document['format'])[:20]}, and this lab knows format {FORMAT}"
            raise BadBundle(path, reason, FORMAT_HINT)
        images = tuple(
            Image(**{**each, "layers": tuple(Layer(**layer) for layer in each["layers"])})
            for each in document["images"]
        )
        wheels = tuple(Wheels(each["system"], each["python"], tuple(each["members"])) for each in document["wheels"])
        members = {name: Member(**each) for name, each in document["members"].items()}
        rest = {name: document[name] for name in ("created", "lab", "architecture", "lock", "base", "packages")}
        manifest = Manifest(**rest, images=images, wheels=wheels, members=members)
        problem = next(_problems(manifest), None)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadBundle(path, f"its manifest cannot be read ({type(error).__name__}: {error})") from error
    if problem:
        raise BadBundle(path, f"its manifest {problem}")
    return manifest


def _problems(manifest: Manifest) -> Iterator[str]:
    """Everything that makes the manifest inconsistent."""
    layers = {layer for image in manifest.images for layer in image.layers}
    hashed: list[Member | Layer] = [*manifest.members.values(), *layers]
    sizes = [each.bytes for each in hashed]
    if any(type(size) is not int or size < 0 for size in sizes) or sum(sizes) > LARGEST:
        yield "contains impossible sizes"
    ids = [image.id for image in manifest.images]
    if not all(_HEX.fullmatch(digest) for digest in (*(each.sha256 for each in hashed), manifest.lock, *ids)):
        yield "contains an invalid SHA-256"
    tags = [image.tag for image in manifest.images]
    if len(tags) != len(_TAGS) or not all(map(re.fullmatch, _TAGS, tags)):
        yield "does not name the lab's two images"
    names = [
        (paths.IMAGE, name)
        for name in (*(image.config for image in manifest.images), *(each.member for each in layers))
    ]
    names += [(paths.WHEELS, name) for each in manifest.wheels for name in each.members]
    if missing := sorted({name for _, name in names} - set(manifest.members)):
        yield f"does not list its member {missing[0]!r}"
    if any(not name.startswith(folder) for folder, name in names):
        yield "uses a member of another kind"
    if len(layers) != len({layer.sha256 for layer in layers}):
        yield "describes a layer in two ways"
