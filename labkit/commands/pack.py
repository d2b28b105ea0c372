"""``lab.py pack``: one file with everything that a machine needs to run the lab without a network."""

from __future__ import annotations

import os
import shutil
from argparse import Namespace
from pathlib import Path

from labkit.bundle import files, image, packing, wheels
from labkit.bundle.progress import megabytes, note, shown
from labkit.bundle.sealed import BadBundle, verify_seal
from labkit.model.errors import MachineError, UsageError
from labkit.output.format import plural
from labkit.runtime import building, tags
from labkit.runtime.environment import git_commit
from labkit.setup.steps import Steps, turn
from labkit.system import checkout

STATE = checkout.ROOT / ".lab"
MOST = 200_000_000  # bytes: what a person still copies to thirty machines


def run(options: Namespace) -> int:
    """Write the bundle and say how it is used; 0. Raises `LabError`; nothing half-written is left then."""
    path: Path = options.file
    _check_place(path)
    targets = wheels.targets(options.targets)
    scratch = STATE / "pack"
    with turn(STATE / "pack.lock", note) as held:
        shutil.rmtree(scratch, ignore_errors=True)  # of a run that was killed
        try:
            (scratch / "tmp").mkdir(parents=True)
            steps = Steps(held, scratch / "tmp", STATE / "pack.log")
            digest = _pack(path, targets, scratch, steps)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    size = path.stat().st_size
    if size > MOST:
        note(f"{megabytes(size)} is much to copy to many machines; --for leaves out what no machine there needs")
    print(f"{path}: {megabytes(size)}, sealed with {digest}")
    print(f"Copy it to each machine and run `python {path.name}` there: no network is needed.")
    return 0


def _pack(path: Path, targets: tuple[wheels.Target, ...], scratch: Path, steps: Steps) -> str:
    names = _built()
    note("taking the image from the engine")
    image.save([f"{tags.IMAGE}:{name}" for name in names], scratch / "image.tar")
    with image.saved(scratch / "image.tar") as saved:
        # There, nothing says that the base image is another one than usual.
        usual = tags.source_hash(base=""), tags.environment_tag(base="")
        images = dict(zip(usual, (saved[name] for name in names), strict=True))
        note("fetching the wheels for " + ", ".join(target.name for target in targets))
        with shown("wheels", len(targets), lambda number: plural(number, "target")) as passed:
            lock = checkout.ROOT / files.LOCK
            folder = scratch / "wheels"
            fetched = wheels.fetch(targets, images[usual[0]].architecture, lock, folder, steps=steps, passed=passed)
        base = os.environ.get("LAB_BASE_IMAGE") or tags.DEFAULT_BASE
        known: dict[str, str | None] = {"name": base, "id": image.image_id(base)}
        parts = packing.Parts(checkout.ROOT, images, scratch / "wheels")
        manifest = parts.describe(git_commit(), known, fetched)
        with shown("packing", parts.size()) as passed:
            return parts.write(path, manifest, passed)


def _built() -> tuple[str, str]:
    """The tags of the image and of what it is built on; what is not there is built."""
    image.engine_architecture()
    environment = building.ensure_environment(image.image_id, note)
    return building.ensure_image(image.image_id, note)[0], environment


def _check_place(path: Path) -> None:
    """Refuse a place where no file can be, or where there is another file than a bundle."""
    hint = "Name a file that is not there yet, as in `python lab.py pack lab.pyz`."
    if path.is_dir():
        raise UsageError(f"{path} is a folder", hint)
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}", hint)
    if not os.access(path.parent, os.W_OK):
        raise MachineError(f"nothing can be written into {path.parent}", "Mend its permissions, or name another place.")
    if path.exists():
        try:
            verify_seal(path, lambda _: None)
        except BadBundle:
            raise UsageError(f"{path} is there, and is no bundle: it is left alone", hint) from None
