"""Small bundles of a few kilobytes for tests, and changes to complete ones."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labkit.bundle import image
from labkit.bundle.manifest import Wheels, architecture, system
from labkit.bundle.packing import Parts
from labkit.bundle.sealed import seal, unsealed
from labkit.runtime import tags
from labkit.setup.marker import identity
from labkit.system.checkout import ROOT

Members = dict[str, bytes]


def make_checkout(root: Path) -> Path:
    """Make a folder with one small file for each file that the image or a bundle needs."""
    files = ["lab.py", "requirements/lab.txt", "labkit/cli.py", "clients/sync.py", "server/app.py", "loadtest/work.py"]
    for name in dict.fromkeys([*files, *(each for each in tags.INTO_IMAGE if not (ROOT / each).is_dir())]):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{name}\n", "utf-8")
    (root / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n', "utf-8")
    shutil.copy(ROOT / "lab.py", root)  # a bundle runs it
    (root / "lab.py").chmod(0o755)
    return root


def save_image(path: Path, machine: str = "") -> Path:
    """Write images as `docker save` does: one of two layers, the second twice, and its base image."""
    layers = [_layer({"etc/passwd": b"root"}), _layer({"venv/lib/site-packages/idna-3.10.dist-info/METADATA": b"x"})]
    digests = [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in [*layers, layers[1]]]
    parts = ["a/layer.tar", "b/layer.tar", "c/layer.tar"]
    config = {"os": "linux", "architecture": machine or architecture()}
    described = []
    with tarfile.open(path, "w") as tar:
        for tag, count in (("whole", 3), ("environment", 2)):
            content = config | {"rootfs": {"diff_ids": digests[:count]}}
            image.add_bytes(tar, f"{tag}.json", json.dumps(content).encode())
            described.append((f"{tag}.json", parts[:count], [f"any:{tag}"]))
        image.add_bytes(tar, "a/layer.tar", layers[0])
        image.add_bytes(tar, "b/layer.tar", layers[1])
        link = tarfile.TarInfo("c/layer.tar")  # as engines before 25 write it
        link.type, link.linkname = tarfile.SYMTYPE, "../b/layer.tar"
        tar.addfile(link)
        image.add_manifest(tar, described)
    return path


def _layer(files: Members) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        for name, content in files.items():
            image.add_bytes(tar, name, content)
    return written.getvalue()


def make_bundle(folder: Path, machine: str = "", python: str = "") -> Path:
    """Make a complete bundle of such a checkout and image, for this Python or one named like "cpython 3.9"."""
    root = make_checkout(folder / "packed")
    wheels = folder / "wheels"
    for name in ("first-1.0-py3-none-any.whl", "second-1.0-py3-none-any.whl"):
        (wheels / "here").mkdir(parents=True, exist_ok=True)
        (wheels / "here" / name).write_bytes(name.encode() * 20)
    members = tuple(f"wheels/{each.name}" for each in sorted((wheels / "here").iterdir()))
    with image.read_saved(save_image(folder / "image.tar", machine)) as saved:
        parts = Parts(root, tagged(saved, root), wheels)
        fitting = (Wheels(system(), python or identity(), members),)
        manifest = parts.describe("abc", {"name": "python:3.14-slim", "id": None}, fitting)
        parts.write(folder / "lab.pyz", manifest, lambda _: None)
    return folder / "lab.pyz"


def tagged(saved: dict[str, image.SavedImage], root: Path) -> dict[str, image.SavedImage]:
    """The images of `save_image`, by the tags of a checkout's images."""
    return {tags.source_hash(root, base=""): saved["whole"], tags.environment_tag(root, base=""): saved["environment"]}


def changed(bundle: Path, change: Callable[[Members, Any], object]) -> Path:
    """Apply `change` to the members and the manifest (JSON) of a bundle, and seal it again as a forger would."""
    with zipfile.ZipFile(bundle) as file:
        members = {name: file.read(name) for name in file.namelist()}
    manifest = json.loads(members["manifest.json"])
    untouched = members["manifest.json"]
    change(members, manifest)
    if members.get("manifest.json") is untouched:
        members["manifest.json"] = json.dumps(manifest).encode()
    return rewritten(bundle, [(zipfile.ZipInfo(name), content) for name, content in members.items()])


def rewritten(bundle: Path, members: list[tuple[zipfile.ZipInfo, bytes]]) -> Path:
    """Replace the members of a bundle by these, and seal it again."""
    with zipfile.ZipFile(bundle, "w") as file:
        for number, (info, content) in enumerate(members):
            info.extra = b"" if number else unsealed()
            file.writestr(info, content)
    seal(bundle)
    return bundle


def put(members: Members, manifest: Any, name: str, content: bytes) -> None:
    """Put a member into the bundle, and its correct digest into the manifest."""
    members[name] = content
    digest = hashlib.sha256(content).hexdigest()
    manifest["members"][name] = {"sha256": digest, "bytes": len(content), "executable": False}
