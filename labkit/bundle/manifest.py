"""What is in a bundle: its manifest, as JSON and checked."""

from __future__ import annotations

import json
import platform
import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from labkit.setup.marker import identity

FORMAT = 1
KIND = "concurrency-lab/bundle"
LARGEST = 4 << 30  # bytes of a whole bundle, unpacked
_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_SYSTEMS = {"linux": "linux", "darwin": "macos", "win32": "windows"}
_HEX = re.compile(r"[0-9a-f]{64}")


class Unfit(ValueError):
    """A manifest that is not one, in words."""


class Newer(Unfit):
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
    """The one image of all services: its id is the SHA-256 of its configuration."""

    tag: str
    id: str
    config: str
    layers: tuple[Layer, ...]
    base: Mapping[str, str | None]
    """Name, and id where the engine that packed it knew one."""
    packages: Mapping[str, str]
    """Name to version of the Python packages found in it."""


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
    image: Image
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


def parse(text: str) -> Manifest:
    """The manifest with this JSON. Raises `Unfit`: every name in it is a member's, every digest looks like one."""
    try:
        found: dict[str, Any] = json.loads(text)
        if found["kind"] != KIND:
            raise Unfit(f"its manifest is of the kind {str(found['kind'])[:80]!r}")
        if type(found["format"]) is not int or found["format"] > FORMAT:
            raise Newer(f"it has format {str(found['format'])[:20]}, and this lab knows formats up to {FORMAT}")
        image = dict(found["image"])
        image["layers"] = tuple(Layer(**each) for each in image["layers"])
        wheels = tuple(Wheels(each["system"], each["python"], tuple(each["members"])) for each in found["wheels"])
        members = {name: Member(**each) for name, each in found["members"].items()}
        rest = {name: found[name] for name in ("created", "lab", "architecture", "lock")}
        manifest = Manifest(**rest, image=Image(**image), wheels=wheels, members=members)
        _check(manifest)
    except Unfit:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Unfit(f"its manifest cannot be read ({type(error).__name__}: {error})") from error
    return manifest


def _check(manifest: Manifest) -> None:
    told: list[Member | Layer] = [*manifest.members.values(), *manifest.image.layers]
    sizes = [each.bytes for each in told]
    if any(type(size) is not int or size < 0 for size in sizes) or sum(sizes) > LARGEST:
        raise Unfit("its manifest tells of sizes that cannot be")
    image = manifest.image
    if not all(_HEX.fullmatch(digest) for digest in (*(each.sha256 for each in told), manifest.lock, image.id)):
        raise Unfit("its manifest names something as a SHA-256 that is none")
    if not re.fullmatch(r"[0-9a-f]{12}", image.tag):
        raise Unfit("its image has another name than one of the lab's")
    named = {
        image.config,
        *(each.member for each in image.layers),
        *(m for each in manifest.wheels for m in each.members),
    }
    if missing := sorted(named - set(manifest.members)):
        raise Unfit(f"{missing[0]!r} is missing from its manifest")
    prefixes = [("image/", image.config), *(("image/", each.member) for each in image.layers)]
    prefixes += [("wheels/", member) for each in manifest.wheels for member in each.members]
    if any(not name.startswith(prefix) for prefix, name in prefixes):
        raise Unfit("its manifest takes files for something else than they are")
