"""Makes a bundle from its parts, under another name beside the file until it is whole."""

from __future__ import annotations

import hashlib
import lzma
import os
import tomllib
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from labkit.bundle import files, image, paths
from labkit.bundle.manifest import Image, Layer, Manifest, Member, Wheels
from labkit.bundle.sealed import CHUNK, seal, unsealed
from labkit.model.errors import MachineError

# A piece of a layer is packed by itself, as many at once as there are processors; larger pieces pack hardly better.
PIECE = 16 << 20
# Measured on a layer of shared libraries: level 6 is 4 % smaller and takes half as long again, level 1 is 11 % larger
# and takes a third of the time.
XZ_LEVEL = 4
MAIN = '''\
"""A bundle of the concurrency lab: `python FILE` unpacks it, and so does `python lab.py unpack FILE` in a checkout."""

import os
import sys

if sys.version_info < (3, 11):
    sys.stderr.write(
        "The lab needs Python 3.11 or newer, and this is Python {}.{} ({}): start this file with a newer one, "
        "as in `python3.13 FILE`.\\n".format(sys.version_info[0], sys.version_info[1], sys.executable)
    )
    sys.exit(3)

bundle = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(bundle, "checkout"))
sys.dont_write_bytecode = True

if __name__ == "__main__":
    from labkit.cli import main

    sys.exit(main(["unpack", bundle] + sys.argv[1:]))
'''


@dataclass(frozen=True, slots=True)
class Parts:
    """What a bundle is made of: a checkout, images by tag, and a folder with wheels in a folder of its own per target.

    The first image is the one of all services.
    """

    root: Path
    images: Mapping[str, image.Saved]
    wheels: Path

    def describe(self, commit: str | None, base: Mapping[str, str | None], wheels: tuple[Wheels, ...]) -> Manifest:
        """The manifest, as far as it is known before anything is written."""
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
        """How many bytes `passed` of `write` will be told of."""
        plain = [*(self.root / name for name in files.of_checkout(self.root)), *self._wheels().values()]
        size = sum(each.stat().st_size for each in plain)
        for digest, saved in _by_layer(self.images.values()).items():
            with saved.layer(digest) as layer:
                size += layer.seek(0, os.SEEK_END)
        return size

    def write(self, path: Path, manifest: Manifest, passed: Callable[[int], object]) -> str:
        """Write the bundle and return the SHA-256 that seals it; `passed` is told of what went into it.

        Raises `MachineError` when the disk does not take it; nothing is left then, nor after an interruption.
        """
        new = path.with_name(f"{path.name}.new")
        try:
            with zipfile.ZipFile(new, "w", compresslevel=9) as file:
                self._fill(_Writer(file), manifest, passed)
            digest = seal(new)
            with new.open("rb+") as written:
                os.fsync(written.fileno())
            new.replace(path)
        except OSError as error:
            raise MachineError(
                f"the bundle cannot be written to {path}: {error.strerror or error}",
                "Make room there or mend its permissions, or name another place.",
            ) from error
        finally:
            new.unlink(missing_ok=True)
        return digest

    def _fill(self, writer: _Writer, manifest: Manifest, passed: Callable[[int], object]) -> None:
        writer.add(paths.MAIN, [MAIN.encode()], extra=unsealed())
        for name in files.of_checkout(self.root):
            place = self.root / name
            writer.add(f"{paths.CHECKOUT}{name}", _pieces(place, passed), executable=files.is_executable(place))
        for name, place in self._wheels().items():
            writer.add(f"{paths.WHEELS}{name}", _pieces(place, passed), packed=True)
        layers = _layers(self.images.values(), writer, passed)
        images = []
        for told, saved in zip(manifest.images, self.images.values(), strict=True):
            writer.add(told.config, [saved.config])
            images.append(replace(told, layers=tuple(layers[digest] for digest in saved.layers)))
        whole = replace(manifest, images=tuple(images), members=dict(writer.members))
        writer.add(paths.MANIFEST, [whole.to_json().encode()])

    def _wheels(self) -> dict[str, Path]:
        """Each wheel once: most are for every target."""
        return dict(sorted((each.name, each) for each in self.wheels.glob("*/*.whl")))


class _Writer:
    """Writes members, and notes their digests."""

    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file
        self.members: dict[str, Member] = {}

    def add(
        self,
        name: str,
        content: Iterable[bytes],
        *,
        packed: bool = False,
        executable: bool = False,
        extra: bytes = b"",
    ) -> None:
        """Write a member; one that is `packed` already is stored as it is. `extra` goes into its header."""
        info = zipfile.ZipInfo(name)
        info.extra = extra
        info.compress_type = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
        info.external_attr = (0o100755 if executable else 0o100644) << 16
        digest, length = hashlib.sha256(), 0
        with self._file.open(info, "w") as member:
            for piece in content:
                member.write(piece)
                digest.update(piece)
                length += len(piece)
        self.members[name] = Member(digest.hexdigest(), length, executable)


def _by_layer(images: Iterable[image.Saved]) -> dict[str, image.Saved]:
    """Each layer once, with an image that has it."""
    return {digest: saved for saved in images for digest in saved.layers}


def _layers(images: Iterable[image.Saved], writer: _Writer, passed: Callable[[int], object]) -> dict[str, Layer]:
    """Write each layer once, and describe it."""
    written: dict[str, Layer] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for digest, saved in _by_layer(images).items():
            name = f"{paths.IMAGE}{digest}.tar.xz"
            with saved.layer(digest) as layer:
                counted = _Counted(layer, passed)
                writer.add(name, _packed(counted, pool), packed=True)
            if counted.digest.hexdigest() != digest:
                raise MachineError("the engine wrote a layer that is not the image's", "Build the image again.")
            written[digest] = Layer(name, digest, counted.length)
    return written


class _Counted:
    """Reads a layer in pieces, and knows its digest and length at the end."""

    def __init__(self, file: IO[bytes], passed: Callable[[int], object]) -> None:
        self._file = file
        self._passed = passed
        self.digest = hashlib.sha256()
        self.length = 0

    def __iter__(self) -> Iterator[bytes]:
        while piece := self._file.read(PIECE):
            self.digest.update(piece)
            self.length += len(piece)
            yield piece
            self._passed(len(piece))


def _packed(pieces: Iterable[bytes], pool: ThreadPoolExecutor) -> Iterator[bytes]:
    """Pack pieces into streams of xz, one after the other, which together are one file of xz."""
    waiting: list[bytes] = []
    for piece in pieces:
        waiting.append(piece)
        if len(waiting) == (os.cpu_count() or 1):
            yield from pool.map(_xz, waiting)
            waiting = []
    yield from pool.map(_xz, waiting)


def _xz(piece: bytes) -> bytes:
    return lzma.compress(piece, preset=XZ_LEVEL)


def _pieces(path: Path, passed: Callable[[int], object]) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            yield piece
            passed(len(piece))
