"""``lab.py unpack``: the lab ready to run, from a file that `pack` has written. Standard library only."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from labkit.bundle import files, image
from labkit.bundle.manifest import Manifest, Wheels, architecture, layers_of, system, wheels_for_here
from labkit.bundle.progress import megabytes, note, shown
from labkit.bundle.sealed import BadBundle, opened, verify_seal
from labkit.bundle.unpacking import Bundle, put, put_again
from labkit.model.errors import MachineError, UsageError
from labkit.runtime import tags
from labkit.setup.marker import identity
from labkit.system import checkout
from labkit.system.interrupts import ignore_interrupts
from labkit.system.locks import try_lock

USUAL_FOLDER = "concurrency-lab"
HELD = "held"  # the file in a folder of unfinished things that is locked while somebody is at work there
BY_HAND = "latest"  # the tag of the image that `docker compose` by hand uses


def run(options: Namespace) -> int:
    """Check the bundle, load its image and put the rest in place; 0. Raises `LabError`: nothing is left then."""
    path: Path = options.file
    if not path.is_file():
        raise UsageError(f"there is no file {path}", "Name a file that `python lab.py pack` has made.")
    with shown("checking", path.stat().st_size) as passed:
        verify_seal(path, passed)
    with opened(path) as file:
        bundle = Bundle.of(path, file)
        manifest = bundle.manifest
        with_image = _engine(options.runtime, path, manifest)
        _check_architecture(path, manifest, architecture(), "this machine")
        wheels = _wheels(manifest)
        target, is_new = _target(options.folder, path, manifest)
        with shown("checking", sum(each.bytes for each in manifest.members.values())) as passed:
            bundle.check_members(passed)
        with _scratch(target, is_new=is_new) as scratch:
            _unpack(bundle, wheels, scratch, target, is_new=is_new, with_image=with_image)
    print(f"The lab is ready in {target}: {_what(manifest, wheels, with_image=with_image)}.")
    go = "" if target.resolve() == Path.cwd() else f"cd {target} && "
    print(f"Next, without a network: `{go}{_python()} lab.py compare`")
    return 0


def _unpack(bundle: Bundle, wheels: Wheels, scratch: Path, target: Path, *, is_new: bool, with_image: bool) -> None:
    manifest = bundle.manifest
    checkout = scratch / "checkout"
    with shown("unpacking", sum(manifest.members[name].bytes for name in wheels.members)) as passed:
        if is_new:
            bundle.stage_files(checkout, lambda _: None)
        staged = bundle.stage_wheels(checkout / ".lab", wheels, passed)
    with _loaded(bundle, scratch / "image.tar") if with_image else _nothing():
        if with_image:
            _note_tags((checkout if is_new else target) / ".lab" / "built", manifest)
        with ignore_interrupts():
            if is_new:
                put(checkout, target)
            else:
                put_again(staged, target / staged.relative_to(checkout))


def _note_tags(built: Path, manifest: Manifest) -> None:
    """Write down which images are the checkout's, for `clean`."""
    known = built.read_text("utf-8").split() if built.exists() else []
    with built.open("a", encoding="utf-8") as file:
        file.writelines(f"{each.tag}\n" for each in manifest.images if each.tag not in known)


@contextmanager
def _loaded(bundle: Bundle, tar: Path) -> Iterator[None]:
    """The images in the engine, for good if the with block ends well."""
    images = bundle.manifest.images
    lacking = [each for each in images if image.image_id(_name(each.tag)) is None]
    names = {each.tag: [_name(each.tag)] for each in lacking}
    if not lacking:
        yield
        return
    if images[0] in lacking and image.image_id(_name(BY_HAND)) is None:
        names[images[0].tag].append(_name(BY_HAND))
    with shown("unpacking the image", sum(layer.bytes for layer in layers_of(lacking))) as passed:
        bundle.stage_images(tar, names, passed)
    try:
        with shown("loading the image", tar.stat().st_size) as passed:
            image.load(tar, passed)
        if any(image.image_id(_name(each.tag)) is None for each in lacking):
            raise MachineError("the Docker engine has taken the image, and does not have it", "Is its disk full?")
        tar.unlink()
        yield
    except BaseException:
        with ignore_interrupts():
            image.remove(name for each in names.values() for name in each)
        raise


def _name(tag: str) -> str:
    return f"{tags.IMAGE}:{tag}"


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def _engine(runtime: str, path: Path, manifest: Manifest) -> bool:
    """Whether the image is to be loaded. Raises `LabError` for an engine that is wanted or needed, and not fit."""
    if runtime == "local":
        return False
    try:
        found = image.engine_architecture()
    except MachineError as error:
        if runtime == "docker" or os.name != "posix":
            raise
        note(f"without Docker, for processes on this machine: {error.message}")
        return False
    _check_architecture(path, manifest, architecture(found), "the Docker engine here")
    return True


def _check_architecture(path: Path, manifest: Manifest, found: str, what: str) -> None:
    if found != manifest.architecture:
        raise BadBundle(
            path,
            f"it is for machines with {manifest.architecture}, and {what} has {found}",
            f"Pack another bundle on a machine with {found}.",
        )


def _wheels(manifest: Manifest) -> Wheels:
    wheels = wheels_for_here(manifest)
    if wheels is None:
        there = [each.python for each in manifest.wheels if each.system == system()]
        raise MachineError(
            f"the bundle has no packages for {identity()} on {system() or sys.platform}",
            f"Run it with another Python; it has packages for {', '.join(there)}."
            if there
            else "`python lab.py pack FILE --for …` on another machine chooses what a bundle is for.",
        )
    return wheels


def _target(folder: Path | None, path: Path, manifest: Manifest) -> tuple[Path, bool]:
    """The folder to unpack into, and whether it has to be made."""
    target = folder or (checkout.ROOT if checkout.ROOT.is_dir() else Path(USUAL_FOLDER))
    if not os.path.lexists(target):
        if not target.absolute().parent.is_dir():
            raise UsageError(f"there is no folder {target.parent}", "Make it first, or name another FOLDER.")
        return target, True
    if target.is_dir() and files.is_same(target, manifest):
        return target, False
    if folder is None and checkout.ROOT.is_dir():
        raise UsageError(
            f"this checkout is of another version than {path}",
            f"`python lab.py unpack {path} FOLDER` unpacks the whole lab into a new folder.",
        )
    raise UsageError(f"{target} is there, and is not the checkout in {path}", "Name a FOLDER that is not there yet.")


@contextmanager
def _scratch(target: Path, *, is_new: bool) -> Iterator[Path]:
    """A folder on the same disk as `target`; gone at the end."""
    place = target.absolute().parent if is_new else target / ".lab"
    place.mkdir(exist_ok=True)
    prefix = f".{target.name}-" if is_new else "unpack-"
    _remove_dead(place, prefix)
    scratch = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
    try:
        with (scratch / HELD).open("w", encoding="utf-8") as file:
            try_lock(file.fileno())
            yield scratch
    finally:
        with ignore_interrupts():
            shutil.rmtree(scratch, ignore_errors=True)


def _remove_dead(place: Path, prefix: str) -> None:
    """Remove what runs that were killed have left."""
    for folder in [each for each in place.iterdir() if each.name.startswith(prefix)]:
        with suppress(OSError):
            with (folder / HELD).open("r+", encoding="utf-8") as file:
                dead = try_lock(file.fileno())
            if dead:
                shutil.rmtree(folder)


def _what(manifest: Manifest, wheels: Wheels, *, with_image: bool) -> str:
    size = megabytes(sum(manifest.members[name].bytes for name in wheels.members))
    loaded = f"the image {_name(manifest.images[0].tag)} and " if with_image else ""
    return f"{loaded}{len(wheels.members)} packages for {wheels.python} ({size})"


def _python() -> str:
    return "py" if sys.platform == "win32" else Path(sys.executable).name
