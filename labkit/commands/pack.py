"""``lab.py pack``: write one file with everything that a machine without a network needs to run the lab."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path

from labkit.bundle import files, image, wheels
from labkit.bundle.packing import Parts
from labkit.bundle.progress import ignore, megabytes, progress
from labkit.bundle.sealed import BadBundle, verify_seal
from labkit.model.errors import MachineError, UsageError
from labkit.output.format import plural
from labkit.runtime import building, tags
from labkit.runtime.environment import git_commit
from labkit.setup.steps import Steps, turn, workspace
from labkit.system.checkout import ROOT, STATE
from labkit.system.notes import note

MOST_BYTES = 200_000_000  # beyond this, copying the bundle to thirty machines takes too long


def run(options: Namespace) -> int:
    """Write the bundle and print how to use it; 0. Raises `LabError`, and then leaves nothing behind."""
    path: Path = options.file
    _check_path(path)
    targets = wheels.targets(options.targets)
    scratch = STATE / "pack"
    with turn(STATE / "pack.lock", note) as held, workspace(scratch, STATE / "pack.log", held) as steps:
        digest = _pack(path, targets, scratch, steps)
    size = path.stat().st_size
    if size > MOST_BYTES:
        note(f"{megabytes(size)} is much to copy to many machines; --for limits the targets")
    print(f"{path}: {megabytes(size)}, sealed with {digest}")
    print(f"Copy it to each machine and run `python {path.name}` there: no network is needed.")
    return 0


def _pack(path: Path, targets: tuple[wheels.Target, ...], scratch: Path, steps: Steps) -> str:
    built = _build()
    note("saving the image from the engine")
    image.save([f"{tags.IMAGE}:{tag}" for tag in built], scratch / "image.tar")
    with image.read_saved(scratch / "image.tar") as saved:
        # The other machine does not set LAB_BASE_IMAGE, so the images get the tags of the default base image.
        usual = tags.source_hash(base=""), tags.environment_tag(base="")
        images = dict(zip(usual, (saved[tag] for tag in built), strict=True))
        note(f"downloading the wheels for {', '.join(target.name for target in targets)}")
        folder, architecture = scratch / "wheels", images[usual[0]].architecture
        with progress("wheels", len(targets), lambda number: plural(number, "target")) as advance:
            packed = wheels.download(targets, architecture, ROOT / files.LOCK, folder, steps=steps, advance=advance)
        base = os.environ.get("LAB_BASE_IMAGE") or tags.DEFAULT_BASE
        parts = Parts(ROOT, images, folder)
        manifest = parts.describe(git_commit(), {"name": base, "id": image.image_id(base)}, packed)
        with progress("packing", parts.size()) as advance:
            return parts.write(path, manifest, advance)


def _build() -> tuple[str, str]:
    """The tags of the image and of the image that it is built on; both are built if they are missing."""
    image.engine_architecture()
    environment = building.ensure_environment(image.image_id, note)
    return building.ensure_image(image.image_id, note)[0], environment


def _check_path(path: Path) -> None:
    """Reject a path where no file can be written, or where another file than a bundle exists."""
    hint = "Name a new file, as in `python lab.py pack lab.pyz`."
    if path.is_dir():
        raise UsageError(f"{path} is a folder", hint)
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}", hint)
    if not os.access(path.parent, os.W_OK):
        raise MachineError(f"{path.parent} is not writable", "Change its permissions, or name another place.")
    if path.exists():
        try:
            verify_seal(path, ignore)
        except BadBundle:
            raise UsageError(f"{path} exists and is not a bundle: it is left alone", hint) from None
