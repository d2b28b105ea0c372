"""The image that server and approaches run from: there, and built from the checkout as it is?"""

from __future__ import annotations

from collections.abc import Iterator

from labkit.doctor import engine
from labkit.doctor.engine import Image
from labkit.doctor.machine import Machine
from labkit.model.finding import Finding, ok, warning
from labkit.runtime import tags

PLACE = 30
BUILD = "python lab.py compare sync --requests 1 --runtime docker"


def probe(machine: Machine) -> Iterator[Finding]:
    if not machine.engine.answers:
        return
    base = machine.environ.get("LAB_BASE_IMAGE") or tags.DEFAULT_BASE
    packages = not machine.needs_packages
    there = packages or engine.image(base) is not None
    source = tags.source_hash(machine.root, base="")
    yield judge_image(machine.image_tag, source, machine.image, base, packages_there=packages, base_there=there)


def judge_image(
    tag: str, source: str, image: Image | None, base: str, *, packages_there: bool, base_there: bool
) -> Finding:
    """Its tag is the hash of the checkout's state, and a label in it says from which `source` it was built."""
    figures = {"tag": tag, "id": image.id if image else None, "base": base, "base_there": base_there}
    if image is None and packages_there:
        said = f"{tag} is not there; the first comparison builds it in seconds, and needs no network for it"
        return ok("image", said, **figures)
    if image is None and base_there:
        said = f"{tag} is not there; the first comparison builds it on {base}, with packages from an index"
        return warning("image", said, BUILD, **figures)
    if image is None:
        said = (
            f"neither {tag} nor {base}, which it is built on, is there: building it needs a network, or "
            "`lab.py unpack` a file that was packed elsewhere"
        )
        return warning("image", said, BUILD, **figures)
    if image.source != source:
        said = f"{tag} was built from another state of the checkout ({image.source or 'it does not say which'})"
        return warning("image", said, f"docker rmi --force {tag}", **figures)
    size = f"{image.size_bytes / 1e6:.0f} MB"
    return ok("image", f"{tag}, {size}, id {image.id.removeprefix('sha256:')[:12]}", **figures)
