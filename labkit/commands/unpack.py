"""``lab.py unpack``: set up the lab from a file that `pack` has written. Standard library only."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from labkit.bundle import files, image, placing
from labkit.bundle.manifest import Manifest, Wheels, architecture, layers_of, system, wheels_for_here
from labkit.bundle.progress import megabytes, progress
from labkit.bundle.sealed import BadBundle, opened, verify_seal
from labkit.bundle.unpacking import Bundle
from labkit.model.errors import MachineError, UsageError
from labkit.runtime import docker_cli, tags
from labkit.setup.marker import identity
from labkit.system import checkout
from labkit.system.interrupts import ignore_interrupts
from labkit.system.notes import note

NEW_FOLDER = "concurrency-lab"
BY_HAND = "latest"  # the tag of the image for `docker compose` by hand


def run(options: Namespace) -> int:
    """Check the bundle, load its image and put the rest in place; 0. Raises `LabError`, and then leaves nothing."""
    path: Path = options.file
    if not path.is_file():
        raise UsageError(f"there is no file {path}", "Name a file that `python lab.py pack` has made.")
    with progress("checking", path.stat().st_size) as advance:
        verify_seal(path, advance)
    with opened(path) as file:
        bundle = Bundle.read(path, file)
        manifest = bundle.manifest
        with_image = _uses_engine(options.runtime, path, manifest)
        _check_architecture(path, manifest, architecture(), "this machine")
        wheels = _wheels(manifest)
        target, is_new = _target(options.folder, path, manifest)
        with progress("checking", manifest.size_of(manifest.members)) as advance:
            bundle.check_members(advance)
        with placing.scratch_folder(target, is_new=is_new) as scratch:
            _unpack(bundle, wheels, scratch, target, is_new=is_new, with_image=with_image)
    loaded = f"the image {_name(manifest.images[0].tag)} and " if with_image else ""
    size = megabytes(manifest.size_of(wheels.members))
    print(f"The lab is ready in {target}: {loaded}{len(wheels.members)} packages for {wheels.python} ({size}).")
    change_folder = "" if target.resolve() == Path.cwd() else f"cd {target} && "
    python = "py" if sys.platform == "win32" else Path(sys.executable).name
    print(f"Next, without a network: `{change_folder}{python} lab.py compare`")
    return 0


def _unpack(bundle: Bundle, wheels: Wheels, scratch: Path, target: Path, *, is_new: bool, with_image: bool) -> None:
    extracted = scratch / "checkout"
    with progress("unpacking", bundle.manifest.size_of(wheels.members)) as advance:
        if is_new:
            bundle.extract_files(extracted)
        folder = bundle.extract_wheels(extracted / ".lab", wheels, advance)
    with _loaded_images(bundle, scratch / "image.tar") if with_image else nullcontext():
        if with_image:
            _record_tags((extracted if is_new else target) / ".lab" / "built", bundle.manifest)
        with ignore_interrupts():
            if is_new:
                placing.move(extracted, target)
            else:
                placing.replace(folder, target / folder.relative_to(extracted))


def _record_tags(built: Path, manifest: Manifest) -> None:
    """Record the tags of the checkout's images, for `clean`."""
    known = built.read_text("utf-8").split() if built.exists() else []
    with built.open("a", encoding="utf-8") as file:
        file.writelines(f"{each.tag}\n" for each in manifest.images if each.tag not in known)


@contextmanager
def _loaded_images(bundle: Bundle, tar: Path) -> Iterator[None]:
    """Load the images into the engine; they stay if the with block ends without an exception."""
    images = bundle.manifest.images
    missing = [each for each in images if image.image_id(_name(each.tag)) is None]
    if not missing:
        yield
        return
    names = {each.tag: [_name(each.tag)] for each in missing}
    if images[0] in missing and image.image_id(_name(BY_HAND)) is None:
        names[images[0].tag].append(_name(BY_HAND))
    with progress("unpacking the image", sum(layer.bytes for layer in layers_of(missing))) as advance:
        bundle.extract_images(tar, names, advance)
    try:
        with progress("loading the image", tar.stat().st_size) as advance:
            docker_cli.load(tar, advance)
        if any(image.image_id(_name(each.tag)) is None for each in missing):
            raise MachineError("the Docker engine accepted the image but does not have it", "Is its disk full?")
        tar.unlink()
        yield
    except BaseException:
        with ignore_interrupts():
            image.remove(name for each in names.values() for name in each)
        raise


def _name(tag: str) -> str:
    return f"{tags.IMAGE}:{tag}"


def _uses_engine(runtime: str, path: Path, manifest: Manifest) -> bool:
    """True if the image must be loaded. Raises `LabError` if the engine is required and unsuitable."""
    if runtime == "local":
        return False
    try:
        engine = image.engine_architecture()
    except MachineError as error:
        if runtime == "docker" or os.name != "posix":
            raise
        note(f"without the image, for processes on this machine: {error.message}")
        return False
    _check_architecture(path, manifest, architecture(engine), "the Docker engine")
    return True


def _check_architecture(path: Path, manifest: Manifest, actual: str, owner: str) -> None:
    if actual != manifest.architecture:
        reason = f"it is for the architecture {manifest.architecture}, and {owner} has {actual}"
        raise BadBundle(path, reason, f"Pack another bundle on a machine with {actual}.")


def _wheels(manifest: Manifest) -> Wheels:
    if (wheels := wheels_for_here(manifest)) is not None:
        return wheels
    available = ", ".join(each.python for each in manifest.wheels if each.system == system())
    raise MachineError(
        f"the bundle has no packages for {identity()} on {system() or sys.platform}",
        f"Run it with another Python; it has packages for {available}."
        if available
        else "On another machine, `python lab.py pack FILE --for …` chooses the targets of a bundle.",
    )


def _target(folder: Path | None, path: Path, manifest: Manifest) -> tuple[Path, bool]:
    """The folder to unpack into, and whether it is new."""
    in_checkout = checkout.ROOT.is_dir()  # not inside of a bundle
    target = folder or (checkout.ROOT if in_checkout else Path(NEW_FOLDER))
    if not os.path.lexists(target):
        if not target.absolute().parent.is_dir():
            raise UsageError(f"there is no folder {target.parent}", "Create it, or name another FOLDER.")
        return target, True
    if target.is_dir() and files.matches(target, manifest):
        return target, False
    if folder is None and in_checkout:
        raise UsageError(
            f"this checkout has another version than {path}",
            f"`python lab.py unpack {path} FOLDER` unpacks the whole lab into a new folder.",
        )
    raise UsageError(f"{target} exists and is not the checkout in {path}", "Name a FOLDER that does not exist yet.")
