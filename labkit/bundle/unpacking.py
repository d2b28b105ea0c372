"""Unpacks a bundle: checks every member, and stages what this machine needs beside its target."""

from __future__ import annotations

import hashlib
import json
import lzma
import os
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from labkit.bundle import image, paths
from labkit.bundle.manifest import Image, Layer, Manifest, Member, OtherFormat, Unfit, Wheels, layers_of, parse
from labkit.bundle.sealed import CHUNK, BadBundle
from labkit.model.errors import UsageError
from labkit.setup import packed

MANIFEST_LARGEST = 8 << 20
CONFIG_LARGEST = 1 << 20
FORMAT_HINT = "Unpack it with `python FILE`, which brings a lab along that knows it."


@dataclass(frozen=True, slots=True)
class Bundle:
    """A sealed bundle that is open, with a manifest that fits its members."""

    path: Path
    manifest: Manifest
    _file: zipfile.ZipFile

    @classmethod
    def of(cls, path: Path, file: zipfile.ZipFile) -> Bundle:
        """Read the manifest. Raises `BadBundle` unless the bundle has exactly the members that it tells of."""
        infos = {member.filename: member for member in file.infolist()}
        if paths.MANIFEST not in infos:
            raise BadBundle(path, "it has no manifest")
        with file.open(paths.MANIFEST) as member:
            text = member.read(MANIFEST_LARGEST)
        try:
            manifest = parse(text.decode("utf-8"))
        except OtherFormat as error:
            raise BadBundle(path, str(error), FORMAT_HINT) from error
        except (Unfit, UnicodeDecodeError) as error:
            raise BadBundle(path, str(error)) from error
        listed = {*manifest.members, paths.MANIFEST}
        if lacking := sorted(listed - set(infos)):
            raise BadBundle(path, f"its member {lacking[0]} is missing")
        if more := sorted(set(infos) - listed):
            raise BadBundle(path, f"it has a member that its manifest does not tell of, {more[0]}")
        for name, told in manifest.members.items():
            if infos[name].file_size != told.bytes:
                raise BadBundle(path, f"its member {name} has {infos[name].file_size} bytes instead of {told.bytes}")
        return cls(path, manifest, file)

    def stage_files(self, folder: Path, passed: Callable[[int], object]) -> None:
        """Write the checkout's files into `folder`. Raises `BadBundle` where one is not as the manifest tells."""
        for name, told in self.manifest.members.items():
            if name.startswith(paths.CHECKOUT):
                self._write(name, folder / name.removeprefix(paths.CHECKOUT), passed)
                if told.executable:
                    (folder / name.removeprefix(paths.CHECKOUT)).chmod(0o755)

    def stage_wheels(self, state: Path, wheels: Wheels, passed: Callable[[int], object]) -> Path:
        """Write the wheels of one Python into its folder in `state`, and return that. Raises `BadBundle`."""
        folder = packed.folder(state, self.manifest.lock, wheels.python)
        for name in wheels.members:
            self._write(name, folder / name.removeprefix(paths.WHEELS), passed)
        return folder

    def stage_images(self, tar: Path, names: Mapping[str, list[str]], passed: Callable[[int], object]) -> None:
        """Write a tar for the engine with the images whose tags are in `names`, which they have there.

        Nothing of the bundle's own names gets into it. Raises `BadBundle`.
        """
        images = [told for told in self.manifest.images if told.tag in names]
        with tarfile.open(tar, "w") as file:
            for told in images:
                image.add_bytes(file, f"{told.id}.json", self._config(told))
            for layer in layers_of(images):
                self._add_layer(file, layer, passed)
            image.add_manifest(
                file,
                [
                    image.describe(f"{told.id}.json", [_place(layer) for layer in told.layers], names[told.tag])
                    for told in images
                ],
            )

    def check_members(self, passed: Callable[[int], object]) -> None:
        """Read every member. Raises `BadBundle` where one is not as the manifest tells."""
        for name, told in self.manifest.members.items():
            for piece in self._pieces(name, told):
                passed(len(piece))

    def _config(self, told: Image) -> bytes:
        """The configuration of an image. Raises `BadBundle` where that is another image's."""
        config = b"".join(self._pieces(told.config, self.manifest.members[told.config], CONFIG_LARGEST))
        if hashlib.sha256(config).hexdigest() != told.id:
            raise BadBundle(self.path, "its image is another one than its manifest tells of")
        try:
            found: Mapping[str, Any] = json.loads(config)
            kind = found["os"], found["architecture"], tuple(found["rootfs"]["diff_ids"])
        except (ValueError, TypeError, KeyError) as error:
            raise BadBundle(self.path, "the configuration of its image cannot be read") from error
        if kind != ("linux", self.manifest.architecture, tuple(f"sha256:{each.sha256}" for each in told.layers)):
            raise BadBundle(self.path, "its image has other layers or another architecture than its manifest tells")
        return config

    def _add_layer(self, tar: tarfile.TarFile, layer: Layer, passed: Callable[[int], object]) -> None:
        try:
            with self._file.open(layer.member) as member, lzma.open(member) as unpacked:
                checked = _Checked(unpacked, passed)
                image.add(tar, _place(layer), layer.bytes, checked)  # type: ignore[arg-type] # it reads
                whole = not unpacked.read(1) and checked.digest.hexdigest() == layer.sha256
        except (lzma.LZMAError, EOFError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:  # this machine's disk, not the bundle
                raise
            raise BadBundle(self.path, f"its member {layer.member} cannot be unpacked: {error}") from error
        if not whole:
            raise BadBundle(self.path, f"its member {layer.member} holds another layer than its manifest tells")

    def _write(self, name: str, place: Path, passed: Callable[[int], object]) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("xb") as file:
            for piece in self._pieces(name, self.manifest.members[name]):
                file.write(piece)
                passed(len(piece))

    def _pieces(self, name: str, told: Member, largest: int | None = None) -> Iterator[bytes]:
        """A member's content. Raises `BadBundle` at its end if it was not what the manifest tells."""
        if largest is not None and told.bytes > largest:
            raise BadBundle(self.path, f"its member {name} is too large")
        digest, left = hashlib.sha256(), told.bytes
        try:
            with self._file.open(name) as member:
                while piece := member.read(CHUNK):
                    left -= len(piece)
                    digest.update(piece)
                    if left < 0:
                        break
                    yield piece
        except zlib.error as error:
            raise BadBundle(self.path, f"its member {name} cannot be unpacked: {error}") from error
        if left != 0 or digest.hexdigest() != told.sha256:
            raise BadBundle(self.path, f"its member {name} has another content than its manifest tells (SHA-256)")


def _place(layer: Layer) -> str:
    """Where a layer is in the tar for the engine."""
    return f"{layer.sha256}/layer.tar"


class _Checked:
    """Reads a file, and knows the digest of what was read."""

    def __init__(self, file: IO[bytes], passed: Callable[[int], object]) -> None:
        self._file = file
        self._passed = passed
        self.digest = hashlib.sha256()

    def read(self, size: int) -> bytes:
        piece = self._file.read(size)
        self.digest.update(piece)
        self._passed(len(piece))
        return piece


def put(staged: Path, target: Path) -> None:
    """Move a staged folder to `target`. Raises `UsageError` if there is anything by now: it is somebody else's."""
    if os.path.lexists(target):
        raise UsageError(f"{target} has come to be there meanwhile, and is left alone", "Name another folder.")
    target.parent.mkdir(parents=True, exist_ok=True)
    staged.rename(target)


def put_again(staged: Path, target: Path) -> None:
    """Move a staged folder to `target`, in the place of one that `unpack` made before."""
    if target.is_dir():
        shutil.rmtree(target)
    put(staged, target)
