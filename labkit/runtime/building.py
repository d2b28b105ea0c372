"""Image builds: first the environment (Python and packages), which needs a network, then the lab's own code on it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from subprocess import CompletedProcess

from labkit.model.errors import MachineError, UsageError
from labkit.runtime import tags
from labkit.runtime.docker_cli import compose
from labkit.runtime.tags import DEFAULT_BASE, IMAGE
from labkit.system.checkout import STATE
from labkit.system.command import last_line

BUILD_LOG = STATE / "build.log"
BUILT = STATE / "built"  # the tags of the images built here, one per line
_NO_WHEEL = "No matching distribution found"
_NO_IMAGE = re.compile(r"failed to resolve source metadata|pull access denied|manifest unknown")
_NO_PYTHON = re.compile(r"\bpython: (command )?not found")
_TOO_OLD = re.compile(r"this is Python [\w.+]+; the lab needs [\w. ]+")

FindImage = Callable[[str], str | None]
"""Returns the id of a local image by its name, or None."""


def ensure_image(find: FindImage, note: Callable[[str], None], base: str | None = None) -> tuple[str, str]:
    """Build the image if it is missing, on the lab's own base image or on `base`. Returns its tag and id.

    Raises like `ensure_environment`.
    """
    tag = tags.source_hash() + tags.suffix(base)
    if (image_id := find(f"{IMAGE}:{tag}")) is not None:
        return tag, image_id
    environment = ensure_environment(find, note, base)
    note(f"building {_label(base)}: the lab's own code (seconds)")
    settings = {"LAB_ENVIRONMENT": f"{IMAGE}:{environment}", "LAB_SOURCE_HASH": tags.source_hash(base="")}
    _record(_build(tag, settings), tag, base)
    return tag, find(f"{IMAGE}:{tag}") or ""


def ensure_environment(find: FindImage, note: Callable[[str], None], base: str | None = None) -> str:
    """Build the image of Python and the packages if it is missing. Returns its tag.

    On another `base`, packages without a wheel are left out. Raises `MachineError` with the last line of a failed
    build, and `UsageError` for a base image without a suitable Python.
    """
    tag = tags.environment_tag() + tags.suffix(base)
    if find(f"{IMAGE}:{tag}") is None:
        note(f"building {_label(base)}: Python and packages (a minute, the first time)")
        settings = {"LAB_TARGET": "environment"} | ({"LAB_BASE_IMAGE": base} if base is not None else {})
        build = _build(tag, settings)
        if base is not None and build.returncode != 0 and _NO_WHEEL in build.stdout + build.stderr:
            build = _build(tag, settings | {"LAB_LEAVE_OUT": "yes"})
        _record(build, tag, base)
    return tag


def built_tags() -> set[str]:
    """The tags of the images that this checkout has built."""
    return set(BUILT.read_text("utf-8").split()) if BUILT.exists() else set()


def outdated_tags() -> set[str]:
    """The tags of the images that this checkout built from an earlier state of itself."""
    return {tag for tag in built_tags() if not tags.is_current(tag)}


def _label(base: str | None) -> str:
    return "the image" if base is None else f"an image on {base}"


def _build(tag: str, settings: Mapping[str, str]) -> CompletedProcess[str]:
    # Compose writes the project's name into the image. A constant name makes equal builds equal images.
    build = compose(IMAGE, ["build", "server"], {"LAB_IMAGE_TAG": tag, **settings})
    BUILD_LOG.parent.mkdir(exist_ok=True)
    BUILD_LOG.write_text(build.stdout + build.stderr, encoding="utf-8")
    return build


def _record(build: CompletedProcess[str], tag: str, base: str | None) -> None:
    """Record the tag of an image for `lab.py clean`. Raises like `ensure_environment` if its build failed."""
    if build.returncode != 0:
        raise explain(build.stdout + build.stderr, base)
    with BUILT.open("a", encoding="utf-8") as file:
        file.write(f"{tag}\n")


def explain(output: str, base: str | None) -> MachineError | UsageError:
    """The error for a build on `base` that failed with `output`."""
    log = f"The whole output of the build is in {BUILD_LOG.relative_to(STATE.parent)}."
    last = last_line(output)
    if base is None:
        return MachineError(f"the image cannot be built: {last}", log)
    if _NO_IMAGE.search(output):
        hint = f"Does `docker pull {base}` work? With --runtime local, --python names an interpreter of this machine."
        return MachineError(f"the base image {base} is unavailable: {last}", hint)
    if _NO_PYTHON.search(output):
        return UsageError(f"--python {base}: this image has no `python`", f"Name one such as {DEFAULT_BASE}.")
    if old := _TOO_OLD.search(output):
        return UsageError(f"--python {base}: {old[0]}", f"Name one such as {DEFAULT_BASE}.")
    return MachineError(f"no image can be built on {base}: {last}", log)
