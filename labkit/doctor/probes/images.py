"""The image of server and approaches: whether it exists, and was built from the current checkout."""

from __future__ import annotations

from collections.abc import Iterator

from labkit.doctor.engine_info import ImageInfo, read_image
from labkit.doctor.machine import Machine
from labkit.model.finding import Finding, ok, warning
from labkit.runtime import tags

PLACE = 30
BUILD = "python lab.py compare sync --requests 1 --runtime docker"


def probe(machine: Machine) -> Iterator[Finding]:
    if not machine.engine.answers:
        return
    base = machine.environ.get("LAB_BASE_IMAGE") or tags.DEFAULT_BASE
    has_packages = not machine.needs_packages
    has_base = has_packages or read_image(base) is not None
    source = tags.source_hash(base="")
    yield judge_image(machine.image_tag, source, machine.image, base, has_packages=has_packages, has_base=has_base)


def judge_image(
    tag: str, source: str, image: ImageInfo | None, base: str, *, has_packages: bool, has_base: bool
) -> Finding:
    """`tag` depends on the checkout. The image's label must name the `source` that the checkout has now.

    `has_packages`: the image of Python and packages exists; `has_base`: so does its `base` image.
    """
    readings = {"tag": tag, "id": image.id if image else None, "base": base, "base_there": has_base}
    if image is None and has_packages:
        message = f"{tag} is not built; the first comparison builds it in seconds, without a network"
        return ok("image", message, **readings)
    if image is None and has_base:
        message = f"{tag} is not built; the first comparison builds it on {base}, with packages from an index"
        return warning("image", message, BUILD, **readings)
    if image is None:
        message = (
            f"{tag} is not built, and its base image {base} is missing: building it needs a network, or "
            "`lab.py unpack` a file that was packed elsewhere"
        )
        return warning("image", message, BUILD, **readings)
    if image.source != source:
        message = f"{tag} was built from another state of the checkout ({image.source or 'without a label'})"
        return warning("image", message, f"docker rmi --force {tag}", **readings)
    size = f"{image.size_bytes / 1e6:.0f} MB"
    return ok("image", f"{tag}, {size}, id {image.id.removeprefix('sha256:')[:12]}", **readings)
