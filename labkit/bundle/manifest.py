"""What is in a bundle: its manifest, as JSON and checked."""

from __future__ import annotations

import json
import platform
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from labkit.setup.marker import identity

FORMAT = 2
KIND = "concurrency-lab/bundle"
LARGEST = 4 << 30  # bytes of a whole bundle, unpacked
_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_SYSTEMS = {"linux": "linux", "darwin": "macos", "win32": "windows"}
_HEX = re.compile(r"[0-9a-f]{64}")
_TAGS = (r"[0-9a-f]{12}", r"environment-[0-9a-f]{12}")


class Unfit(ValueError):
    """A manifest that is not one, in words."""


class OtherFormat(Unfit):
    """A manifest of a format that this lab does not know."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file in the bundle: the SHA-256 and the size of its content, and whether it can be run."""

    sha256: str
    bytes: int
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of the image: the member that holds it, packed with xz, and SHA-256 and size of the tar in it."""

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
    """The members that make up `.venv` for one Python on one system, as `identity` names it: "cpython 3.13"."""

    system: str
    python: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the bundle holds, and for which machines."""

    created: str
    lab: Mapping[str, str | None]
    """Version and commit."""
    architecture: str
    lock: str
    """SHA-256 of the requirements file that the wheels are for."""
    images: tuple[Image, ...]
    """First the one of all services, then what it is built on, whose layers are among its own."""
    base: Mapping[str, str | None]
    """Name of the base image of both, and its id where the engine that packed it knew one."""
    packages: Mapping[str, str]
    """Name to version of the Python packages found in the images."""
    wheels: tuple[Wheels, ...]
    members: Mapping[str, Member]

    def to_json(self) -> str:
        return json.dumps({"kind": KIND, "format": FORMAT, **asdict(self)}, indent=1) + "\n"


def system() -> str:
    """This machine's operating system, as far as wheels have to fit it; "" for one that no wheels are packed for."""
    if sys.platform == "linux" and platform.libc_ver()[0] != "glibc":
        return ""
    return _SYSTEMS.get(sys.platform, "")


def architecture(name: str = "") -> str:
    """The architecture with this name, or this machine's, in the words of container images: amd64, arm64."""
    name = (name or platform.machine()).lower()
    return _ARCHITECTURES.get(name, name)


def wheels_for_here(manifest: Manifest) -> Wheels | None:
    """What is packed for the running Python on this system."""
    fitting = (each for each in manifest.wheels if (each.system, each.python) == (system(), identity()))
    return next(fitting, None)


def layers_of(images: Iterable[Image]) -> tuple[Layer, ...]:
    """The layers of several images, each once."""
    return tuple({layer.sha256: layer for image in images for layer in image.layers}.values())


def parse(text: str) -> Manifest:
    """The manifest with this JSON. Raises `Unfit`: every name in it is a member's, every digest looks like one."""
    try:
        found: dict[str, Any] = json.loads(text)
        if found["kind"] != KIND:
            raise Unfit(f"its manifest is of the kind {str(found['kind'])[:80]!r}")
        if type(found["format"]) is not int or found["format"] != FORMAT:
            raise OtherFormat(f"it has format {str(found['format'])[:20]}, and this lab knows format {FORMAT}")
        images = tuple(
            Image(**{**each, "layers": tuple(Layer(**layer) for layer in each["layers"])}) for each in found["images"]
        )
        wheels = tuple(Wheels(each["system"], each["python"], tuple(each["members"])) for each in found["wheels"])
        members = {name: Member(**each) for name, each in found["members"].items()}
        rest = {name: found[name] for name in ("created", "lab", "architecture", "lock", "base", "packages")}
        manifest = Manifest(**rest, images=images, wheels=wheels, members=members)
        _check(manifest)
    except Unfit:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Unfit(f"its manifest cannot be read ({type(error).__name__}: {error})") from error
    return manifest


def _check(manifest: Manifest) -> None:
    layers = {layer for image in manifest.images for layer in image.layers}
    told: list[Member | Layer] = [*manifest.members.values(), *layers]
    sizes = [each.bytes for each in told]
    if any(type(size) is not int or size < 0 for size in sizes) or sum(sizes) > LARGEST:
        raise Unfit("its manifest tells of sizes that cannot be")
    ids = [image.id for image in manifest.images]
    if not all(_HEX.fullmatch(digest) for digest in (*(each.sha256 for each in told), manifest.lock, *ids)):
        raise Unfit("its manifest names something as a SHA-256 that is none")
    tags = [image.tag for image in manifest.images]
    if len(tags) != len(_TAGS) or not all(map(re.fullmatch, _TAGS, tags)):
        raise Unfit("its images have other names than the lab's")
    prefixes = [("image/", image.config) for image in manifest.images]
    prefixes += [("image/", layer.member) for layer in layers]
    prefixes += [("wheels/", member) for each in manifest.wheels for member in each.members]
    if missing := sorted({name for _, name in prefixes} - set(manifest.members)):
        raise Unfit(f"{missing[0]!r} is missing from its manifest")
    if any(not name.startswith(prefix) for prefix, name in prefixes):
        raise Unfit("its manifest takes files for something else than they are")
    if len(layers) != len({layer.sha256 for layer in layers}):
        raise Unfit("its manifest tells of one layer in two ways")
