"""Checks a bundle, and extracts the parts that this machine needs."""

from __future__ import annotations

import hashlib
import json
import lzma
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.bundle import image, paths
from labkit.bundle.manifest import Image, Layer, Manifest, Wheels, layers_of, parse
from labkit.bundle.progress import Advance, ignore
from labkit.bundle.sealed import BadBundle, HashingReader
from labkit.setup import packed

MANIFEST_LARGEST = 8 << 20
CONFIG_LARGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class Bundle:
    """An open, sealed bundle whose manifest lists exactly its members."""

    path: Path
    manifest: Manifest
    _file: zipfile.ZipFile

    @classmethod
    def read(cls, path: Path, file: zipfile.ZipFile) -> Bundle:
        """Read the manifest and compare it with the members. Raises `BadBundle`."""
        infos = {member.filename: member for member in file.infolist()}
        if paths.MANIFEST not in infos:
            raise BadBundle(path, "it has no manifest")
        with file.open(paths.MANIFEST) as member:
            manifest = parse(path, member.read(MANIFEST_LARGEST))
        listed = {*manifest.members, paths.MANIFEST}
        if missing := sorted(listed - set(infos)):
            raise BadBundle(path, f"its member {missing[0]} is missing")
        if unlisted := sorted(set(infos) - listed):
            raise BadBundle(path, f"its manifest does not list its member {unlisted[0]}")
        for name, expected in manifest.members.items():
            if infos[name].file_size != expected.bytes:
                size = infos[name].file_size
                raise BadBundle(path, f"its member {name} has {size} bytes instead of {expected.bytes}")
        return cls(path, manifest, file)

    def extract_files(self, folder: Path) -> None:
        """Write the checkout's files into `folder`. Raises `BadBundle`."""
        for name, member in self.manifest.members.items():
            if name.startswith(paths.CHECKOUT):
                place = folder / name.removeprefix(paths.CHECKOUT)
                self._extract(name, place, ignore)
                if member.executable:
                    place.chmod(0o755)

    def extract_wheels(self, state: Path, wheels: Wheels, advance: Advance) -> Path:
        """Write the wheels of one Python into its folder in `state`, and return that. Raises `BadBundle`."""
        folder = packed.folder(state, self.manifest.lock, wheels.python)
        for name in wheels.members:
            self._extract(name, folder / name.removeprefix(paths.WHEELS), advance)
        return folder

    def extract_images(self, tar: Path, names: Mapping[str, list[str]], advance: Advance) -> None:
        """Write a tar for the engine with the images whose tags are in `names`, under these names.

        No name comes from the bundle itself. Raises `BadBundle`.
        """
        images = [each for each in self.manifest.images if each.tag in names]
        with tarfile.open(tar, "w") as file:
            for each in images:
                image.add_bytes(file, f"{each.id}.json", self._config(each))
            for layer in layers_of(images):
                self._add_layer(file, layer, advance)
            entries = (
                (f"{each.id}.json", [_place(layer) for layer in each.layers], names[each.tag]) for each in images
            )
            image.add_manifest(file, entries)

    def check_members(self, advance: Advance) -> None:
        """Read every member. Raises `BadBundle` if one differs from the manifest."""
        for name in self.manifest.members:
            for piece in self._pieces(name):
                advance(len(piece))

    def _config(self, described: Image) -> bytes:
        """The configuration of an image. Raises `BadBundle` if it does not match the manifest."""
        if self.manifest.members[described.config].bytes > CONFIG_LARGEST:
            raise BadBundle(self.path, f"its member {described.config} is too large")
        config = b"".join(self._pieces(described.config))
        if hashlib.sha256(config).hexdigest() != described.id:
            raise BadBundle(self.path, "the configuration of its image has another SHA-256 than in its manifest")
        try:
            document: Mapping[str, Any] = json.loads(config)
            content = document["os"], document["architecture"], tuple(document["rootfs"]["diff_ids"])
        except (ValueError, TypeError, KeyError) as error:
            raise BadBundle(self.path, "the configuration of its image cannot be read") from error
        if content != (
            "linux",
            self.manifest.architecture,
            tuple(f"sha256:{each.sha256}" for each in described.layers),
        ):
            raise BadBundle(self.path, "its image has other layers or another architecture than in its manifest")
        return config

    def _add_layer(self, tar: tarfile.TarFile, layer: Layer, advance: Advance) -> None:
        try:
            with self._file.open(layer.member) as member, lzma.open(member) as unpacked:
                reader = HashingReader(unpacked, advance)
                image.add_file(tar, _place(layer), layer.bytes, reader)  # type: ignore[arg-type] # it reads
                matches = not unpacked.read(1) and reader.sha256.hexdigest() == layer.sha256
        except OSError as error:
            if error.errno is not None:  # an error of this machine's disk, not of the bundle
                raise
            raise BadBundle(self.path, f"its member {layer.member} cannot be read: {error}") from error
        if not matches:
            raise BadBundle(self.path, f"its member {layer.member} is another layer than in its manifest")

    def _extract(self, name: str, place: Path, advance: Advance) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("xb") as file:
            for piece in self._pieces(name):
                file.write(piece)
                advance(len(piece))

    def _pieces(self, name: str) -> Iterator[bytes]:
        """A member's content. Raises `BadBundle` at its end if it differs from the manifest."""
        expected = self.manifest.members[name]
        with self._file.open(name) as member:
            reader = HashingReader(member)
            yield from reader.pieces()
        if (reader.length, reader.sha256.hexdigest()) != (expected.bytes, expected.sha256):
            raise BadBundle(self.path, f"its member {name} has another SHA-256 than in its manifest")


def _place(layer: Layer) -> str:
    """The path of a layer in the tar for the engine."""
    return f"{layer.sha256}/layer.tar"
