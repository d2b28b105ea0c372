"""Writes a bundle from its parts, under a temporary name until it is complete."""

from __future__ import annotations

import hashlib
import lzma
import os
import tomllib
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from labkit.bundle import files, paths
from labkit.bundle.image import SavedImage
from labkit.bundle.manifest import Image, Layer, Manifest, Member, Wheels
from labkit.bundle.progress import Advance
from labkit.bundle.sealed import HashingReader, seal, unsealed
from labkit.model.errors import MachineError

# Pieces of a layer are compressed separately, one per processor; larger pieces hardly compress better.
PIECE = 16 << 20
# Measured on a layer of shared libraries: level 6 makes it 4 % smaller in 1.5 times the time, level 1 11 % larger in a
# third of the time.
XZ_LEVEL = 4
MAIN = '''\
"""A bundle of the concurrency lab: `python FILE` unpacks it, like `python lab.py unpack FILE` in a checkout."""

import os
import sys

bundle = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(bundle, "checkout"))
sys.dont_write_bytecode = True

import lab  # checks the version of Python

if __name__ == "__main__":
    from labkit.cli import main

    sys.exit(main(["unpack", bundle] + sys.argv[1:]))
'''


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a bundle: a checkout, images by tag, and a folder with one folder of wheels per target.

    The first image is the one of all services.
    """

    root: Path
    images: Mapping[str, SavedImage]
    wheels: Path

    def describe(self, commit: str | None, base: Mapping[str, str | None], wheels: tuple[Wheels, ...]) -> Manifest:
        """The manifest, without the parts that are known only after writing: layers and members."""
        version = tomllib.loads((self.root / "pyproject.toml").read_text("utf-8"))["project"]["version"]
        first = next(iter(self.images.values()))
        return Manifest(
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            lab={"version": version, "commit": commit},
            architecture=first.architecture,
            lock=files.lock_of(self.root),
            images=tuple(
                Image(tag, saved.id, f"{paths.IMAGE}{saved.id}.json", ()) for tag, saved in self.images.items()
            ),
            base=base,
            packages=first.packages(),
            wheels=wheels,
            members={},
        )

    def size(self) -> int:
        """The total of the increments that `write` reports."""
        plain = [*(self.root / name for name in files.files_of(self.root)), *self._wheels().values()]
        size = sum(each.stat().st_size for each in plain)
        for digest, saved in self._layers().items():
            with saved.layer(digest) as layer:
                size += layer.seek(0, os.SEEK_END)
        return size

    def write(self, path: Path, manifest: Manifest, advance: Advance) -> str:
        """Write the bundle and return the SHA-256 that seals it.

        Raises `MachineError` if it cannot be written. Nothing is left then, nor after an interrupt.
        """
        new = path.with_name(f"{path.name}.new")
        try:
            with zipfile.ZipFile(new, "w", compresslevel=9) as file:
                self._fill(_Writer(file, advance), manifest)
            digest = seal(new)
            with new.open("rb+") as written:
                os.fsync(written.fileno())
            new.replace(path)
        except OSError as error:
            raise MachineError(
                f"the bundle cannot be written to {path}: {error.strerror or error}",
                "Free space there or change its permissions, or name another place.",
            ) from error
        finally:
            new.unlink(missing_ok=True)
        return digest

    def _fill(self, writer: _Writer, manifest: Manifest) -> None:
        writer.add(paths.MAIN, [MAIN.encode()], extra=unsealed())
        for name in files.files_of(self.root):
            writer.add_file(
                f"{paths.CHECKOUT}{name}", self.root / name, executable=files.is_executable(self.root / name)
            )
        for name, place in self._wheels().items():
            writer.add_file(f"{paths.WHEELS}{name}", place, compressed=True)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            layers = {digest: writer.add_layer(digest, saved, pool) for digest, saved in self._layers().items()}
        images = []
        for image, saved in zip(manifest.images, self.images.values(), strict=True):
            writer.add(image.config, [saved.config])
            images.append(replace(image, layers=tuple(layers[digest] for digest in saved.layers)))
        complete = replace(manifest, images=tuple(images), members=dict(writer.members))
        writer.add(paths.MANIFEST, [complete.to_json().encode()])

    def _wheels(self) -> dict[str, Path]:
        """The distinct wheels: most are for every target."""
        return dict(sorted((each.name, each) for each in self.wheels.glob("*/*.whl")))

    def _layers(self) -> dict[str, SavedImage]:
        """The distinct layers, each with an image that has it."""
        return {digest: saved for saved in self.images.values() for digest in saved.layers}


class _Writer:
    """Writes members and records their digests."""

    def __init__(self, file: zipfile.ZipFile, advance: Advance) -> None:
        self._file = file
        self._advance = advance
        self.members: dict[str, Member] = {}

    def add(
        self,
        name: str,
        content: Iterable[bytes],
        *,
        compressed: bool = False,
        executable: bool = False,
        extra: bytes = b"",
    ) -> None:
        """Write a member, without compressing it if it is `compressed` already. `extra` goes into its header."""
        info = zipfile.ZipInfo(name)
        info.extra = extra
        info.compress_type = zipfile.ZIP_STORED if compressed else zipfile.ZIP_DEFLATED
        info.external_attr = (0o100755 if executable else 0o100644) << 16
        digest, length = hashlib.sha256(), 0
        with self._file.open(info, "w") as member:
            for piece in content:
                member.write(piece)
                digest.update(piece)
                length += len(piece)
        self.members[name] = Member(digest.hexdigest(), length, executable)

    def add_file(self, name: str, path: Path, *, compressed: bool = False, executable: bool = False) -> None:
        with path.open("rb") as file:
            pieces = HashingReader(file, self._advance).pieces()
            self.add(name, pieces, compressed=compressed, executable=executable)

    def add_layer(self, digest: str, saved: SavedImage, pool: ThreadPoolExecutor) -> Layer:
        """Write a layer and describe it. Raises `MachineError` if its content does not have this digest."""
        name = f"{paths.IMAGE}{digest}.tar.xz"
        with saved.layer(digest) as layer:
            reader = HashingReader(layer, self._advance)
            self.add(name, _compress(reader.pieces(PIECE), pool), compressed=True)
        if reader.sha256.hexdigest() != digest:
            raise MachineError("the engine saved a layer with wrong content", "Build the image again.")
        return Layer(name, digest, reader.length)


def _compress(pieces: Iterable[bytes], pool: ThreadPoolExecutor) -> Iterator[bytes]:
    """Compress each piece into an xz stream; the concatenated streams are one xz file."""
    waiting: list[bytes] = []
    for piece in pieces:
        waiting.append(piece)
        if len(waiting) == (os.cpu_count() or 1):
            yield from pool.map(_xz, waiting)
            waiting = []
    yield from pool.map(_xz, waiting)


def _xz(piece: bytes) -> bytes:
    return lzma.compress(piece, preset=XZ_LEVEL)
