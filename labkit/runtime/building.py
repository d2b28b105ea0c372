"""Builds images: first the environment, which needs a network, then the lab's own code on it, which needs none."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from subprocess import CompletedProcess

from labkit.model.errors import MachineError, UsageError
from labkit.runtime import compose, tags
from labkit.runtime.tags import DEFAULT_BASE, IMAGE
from labkit.system.checkout import ROOT

BUILD_LOG = ROOT / ".lab" / "build.log"
BUILT = ROOT / ".lab" / "built"  # the tags of the images built here, a line each
_NO_WHEEL = "No matching distribution found"
_NO_IMAGE = re.compile(r"failed to resolve source metadata|pull access denied|manifest unknown")
_NO_PYTHON = re.compile(r"\bpython: (command )?not found")
_TOO_OLD = re.compile(r"this is Python [\w.+]+; the lab needs [\w. ]+")

Find = Callable[[str], str | None]
"""Gives the id of a local image by its name, None where there is none."""


def ensure_image(find: Find, note: Callable[[str], None], base: str | None = None) -> tuple[str, str]:
    """Tag and id of the image, which is built if it is not there; on another `base` image than its own if one is named.

    Raises as `ensure_environment`.
    """
    tag = tags.source_hash() + tags.suffix(base)
    if (there := find(f"{IMAGE}:{tag}")) is not None:
        return tag, there
    environment = ensure_environment(find, note, base)
    note(f"building {_what(base)}: the lab's own code (seconds)")
    settings = {"LAB_ENVIRONMENT": f"{IMAGE}:{environment}", "LAB_SOURCE_HASH": tags.source_hash(base="")}
    _check(_build(tag, settings), tag, base)
    return tag, find(f"{IMAGE}:{tag}") or ""


def ensure_environment(find: Find, note: Callable[[str], None], base: str | None = None) -> str:
    """The tag of the image of Python and the packages, which is built if it is not there.

    On another `base`, packages without a wheel may be left out. Raises `MachineError` with what the build said last,
    and `UsageError` for a base image without a Python that fits.
    """
    tag = tags.environment_tag() + tags.suffix(base)
    if find(f"{IMAGE}:{tag}") is None:
        note(f"building {_what(base)}: Python and packages (a minute, the first time)")
        settings = {"LAB_TARGET": "environment"} | ({"LAB_BASE_IMAGE": base} if base is not None else {})
        run = _build(tag, settings)
        if base is not None and run.returncode != 0 and _NO_WHEEL in run.stdout + run.stderr:
            run = _build(tag, settings | {"LAB_LEAVE_OUT": "yes"})
        _check(run, tag, base)
    return tag


def _what(base: str | None) -> str:
    return "the image" if base is None else f"an image on {base}"


def _build(tag: str, settings: Mapping[str, str]) -> CompletedProcess[str]:
    # Compose writes the project's name into the image: always the same one makes it always the same image.
    run = compose.run(IMAGE, ["build", "server"], {"LAB_IMAGE_TAG": tag, **settings})
    BUILD_LOG.parent.mkdir(exist_ok=True)
    BUILD_LOG.write_text(run.stdout + run.stderr, encoding="utf-8")
    return run


def _check(run: CompletedProcess[str], tag: str, base: str | None) -> None:
    """Note the tag of an image for `lab.py clean`. Raises as `ensure_environment` if its build failed."""
    if run.returncode != 0:
        raise _explained(run.stdout + run.stderr, base)
    with BUILT.open("a", encoding="utf-8") as file:
        file.write(f"{tag}\n")


def _explained(output: str, base: str | None) -> MachineError | UsageError:
    said = f"All that the build said is in {BUILD_LOG.relative_to(ROOT)}."
    last = compose.last_line(output)
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
